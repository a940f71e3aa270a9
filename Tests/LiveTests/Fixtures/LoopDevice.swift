// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A block device of one test's own, over a file in its scratch directory.
///
/// It is told to detach as soon as nobody has it open any more, and is held open here: so it goes
/// with the test, even when the test crashes.
final class LoopDevice: Sendable {
  let path: String
  let backing: String
  private let holder: Int32

  init(_ scratch: Scratch, byteCount: UInt64, _ options: String...) throws {
    backing = scratch.file("backing-\(UUID().uuidString)")
    let file = Glibc.open(backing, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { Glibc.close(file) }
    precondition(file >= 0 && ftruncate(file, off_t(byteCount)) == 0)
    (path, holder) = try Self.attach(backing, options)
  }

  init(over backing: String, _ options: String...) throws {
    self.backing = backing
    (path, holder) = try Self.attach(backing, options)
  }

  private static func attach(_ backing: String, _ options: [String]) throws -> (String, Int32) {
    let path = try Command.run(["losetup", "-f", "--show"] + options + [backing])
    let holder = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    try Command.run("losetup", "-d", path)
    return (path, holder)
  }

  /// Partitions are told to the kernel, since not every kernel reads the tables.
  func addPartition(_ number: Int, startSector: Int, sectorCount: Int) throws -> String {
    try Command.run("addpart", path, "\(number)", "\(startSector)", "\(sectorCount)")
    return "\(path)p\(number)"
  }

  deinit {
    _ = try? Command.run("delpart", path, "1")
    Glibc.close(holder)
  }

  var name: String { String(path.dropFirst("/dev/".count)) }

  static let isPossible: Bool =
    geteuid() == 0 && Command.exists("losetup") && access("/dev/loop-control", R_OK | W_OK) == 0
}

extension Trait where Self == ConditionTrait {
  /// Real block devices.
  static var needsLoopDevices: Self {
    .enabled(if: LoopDevice.isPossible, "needs root, losetup and /dev/loop-control")
  }

  static func needsRootAnd(_ programs: String...) -> Self {
    .enabled(
      if: LoopDevice.isPossible && programs.allSatisfy(Command.exists),
      "needs root, loop devices and \(programs.joined(separator: ", "))")
  }
}
