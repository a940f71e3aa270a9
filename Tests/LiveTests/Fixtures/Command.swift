// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Runs a program and gives what it printed; for fixtures, which must not fail quietly.
enum Command {
  struct Failed: Error, CustomStringConvertible {
    let description: String
  }

  @discardableResult
  static func run(_ arguments: String...) throws -> String { try run(arguments) }

  @discardableResult
  static func run(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["PATH", default: ""] += ":/usr/sbin:/sbin"
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    let problems = Pipe()
    process.standardError = problems
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let problem = String(
      decoding: problems.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failed(description: "\(arguments.joined(separator: " ")): \(problem)")
    }
    return text.split(separator: "\n").first.map(String.init) ?? ""
  }

  static func exists(_ name: String) -> Bool {
    ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"].contains { access($0 + name, X_OK) == 0 }
  }
}
