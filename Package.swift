// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// One target per room, so that the compiler keeps the arrows:
// blkmove -> Live -> {Qemu, Transfer} -> {Storage, Wire} -> Blocks. See ARCHITECTURE.md.

import PackageDescription

let swift: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let testSwift: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
]

// The kernels stay optimised in debug builds: unoptimised they are fifty times slower.
let c: [CSetting] = [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]

let package = Package(
  name: "blkmove",
  products: [.executable(name: "blkmove", targets: ["blkmove"])],
  targets: [
    .target(name: "CLinux", cSettings: c),
    .target(name: "CLanes", cSettings: c),
    .target(name: "CNbd", cSettings: c, linkerSettings: [.linkedLibrary("dl")]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CBlake2", pkgConfig: "libb2", providers: [.apt(["libb2-dev"])]),
    .systemLibrary(name: "CXxhash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),

    .target(name: "Blocks", dependencies: ["CLanes", "CXxhash"], swiftSettings: swift),
    .target(name: "Storage", dependencies: ["Blocks", "CLinux", "CNbd"], swiftSettings: swift),
    .target(name: "Wire", dependencies: ["Blocks", "CZstd"], swiftSettings: swift),
    .target(
      name: "Transfer", dependencies: ["Blocks", "Storage", "Wire", "CLinux"],
      swiftSettings: swift),
    .target(name: "Qemu", dependencies: ["Blocks", "Storage", "CLinux"], swiftSettings: swift),
    .target(
      name: "Live", dependencies: ["Transfer", "Qemu", "Storage", "Wire", "Blocks", "CLinux"],
      swiftSettings: swift),
    .executableTarget(
      name: "blkmove", dependencies: ["Live", "Transfer", "Storage", "Wire", "Blocks", "CLinux"],
      swiftSettings: swift),

    .testTarget(
      name: "BlocksTests", dependencies: ["Blocks", "CBlake2", "CLanes"],
      swiftSettings: testSwift),
    .testTarget(
      name: "StorageTests", dependencies: ["Storage", "Blocks", "CLinux"],
      swiftSettings: testSwift),
    .testTarget(
      name: "WireTests", dependencies: ["Wire", "Blocks"], exclude: ["Golden"],
      swiftSettings: testSwift),
    .testTarget(
      name: "TransferTests", dependencies: ["Transfer", "Storage", "Wire", "Blocks"],
      swiftSettings: testSwift),
    .testTarget(
      name: "QemuTests", dependencies: ["Qemu", "Storage", "Blocks"], swiftSettings: testSwift),
    .testTarget(
      name: "LiveTests",
      dependencies: ["Live", "Qemu", "Transfer", "Storage", "Wire", "Blocks", "CLinux"],
      swiftSettings: testSwift),
    .testTarget(
      name: "CommandTests",
      dependencies: ["blkmove", "Live", "Transfer", "Storage", "Wire", "Blocks"],
      exclude: ["Golden"], swiftSettings: testSwift),
    .testTarget(name: "EndToEndTests", dependencies: ["meter"], swiftSettings: testSwift),
    // Stands between blkmove and ssh in the end-to-end tests, and counts.
    .executableTarget(name: "meter", path: "Tests/tools/meter", swiftSettings: testSwift),
  ],
  cLanguageStandard: .gnu11
)

// Only on request: without libFuzzer's main it would not link. Fuzz/run sets the variable.
if Context.environment["BLKMOVE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "blkmove-fuzz",
      dependencies: ["Live", "Transfer", "Qemu", "Storage", "Wire", "Blocks"],
      path: "Fuzz/Targets",
      swiftSettings: swift + [.unsafeFlags(["-parse-as-library"])]))
}
