// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where the programs are that the tests use: on PATH and in the directories of the administrator,
/// in this checkout, or beside the test bundle.
enum Tool {
  static func path(_ name: String) throws -> String {
    if name.contains("/") { return name }
    guard let found = find(name) else { throw FixtureError("\(name) is not installed") }
    return found
  }

  static func find(_ name: String) -> String? {
    Command.plainEnvironment["PATH"]!.split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The root of the checkout.
  static let checkout: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { url.deleteLastPathComponent() }
    return url.path
  }()

  /// A script below Tests/tools.
  static func script(_ name: String) -> String { "\(checkout)/Tests/tools/\(name)" }

  /// A program that was built with these tests: it lies beside the test bundle.
  static func built(_ name: String) -> String {
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    let bundle = maps.split(separator: "\n").first { $0.hasSuffix(".xctest") }
    let path = bundle.flatMap { $0.firstIndex(of: "/").map { i in String(bundle![i...]) } }
    return URL(fileURLWithPath: path ?? CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }
}
