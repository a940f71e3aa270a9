// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Another program that does something to an image until it is told to stop. It says one line
/// when it is ready, and ends when its input does.
final class Helper {
  private let program = Process()
  private let input = Pipe()

  init(_ arguments: String...) throws {
    program.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    program.arguments = arguments
    let output = Pipe()
    program.standardInput = input
    program.standardOutput = output
    try program.run()
    precondition(!output.fileHandleForReading.availableData.isEmpty, "the helper does not start")
  }

  deinit { stop() }

  var process: Int32 { program.processIdentifier }

  func stop() {
    try? input.fileHandleForWriting.close()
    program.waitUntilExit()
  }
}
