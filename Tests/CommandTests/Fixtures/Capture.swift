// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import blkmove

/// A console whose two channels are files, to be read when all is said.
final class Capture {
  let console: Console
  private let output = FileManager.default.temporaryDirectory
    .appendingPathComponent("blkmove-output-\(UUID().uuidString)")
  private let errors = FileManager.default.temporaryDirectory
    .appendingPathComponent("blkmove-errors-\(UUID().uuidString)")
  private let handles: [FileHandle]

  init() throws {
    handles = try [output, errors].map { file in
      try Data().write(to: file)
      return try FileHandle(forWritingTo: file)
    }
    console = Console(
      output: TextOutput(descriptor: handles[0].fileDescriptor),
      errors: TextOutput(descriptor: handles[1].fileDescriptor))
  }

  deinit {
    for file in [output, errors] { try? FileManager.default.removeItem(at: file) }
  }

  var outputText: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
  var errorText: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

  /// Standard output as JSON objects, one a line.
  func objects() throws -> [[String: Any]] {
    try outputText.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      guard let members = object as? [String: Any] else {
        throw CocoaError(.propertyListReadCorrupt)
      }
      return members
    }
  }
}
