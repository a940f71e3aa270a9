// SPDX-License-Identifier: Apache-2.0

/// Why one end gives up: the last thing that it says.
package struct Failure: Equatable, Sendable {
  /// The exit status that says the same to a script; never 0.
  package var exitStatus: UInt8
  /// Names the object, the operation and the cause.
  package var sentence: String
  package var hint: String?

  package init(exitStatus: UInt8, sentence: String, hint: String? = nil) {
    self.exitStatus = exitStatus
    self.sentence = sentence
    self.hint = hint
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    exitStatus = try reader.uint8("exit status")
    if exitStatus == 0 { throw reader.error("exit status", found: "0", allowed: "1 to 255") }
    sentence = try reader.shownText("sentence", atMost: WireLimits.textByteCount)
    let hint = try reader.shownText("hint", atMost: WireLimits.textByteCount)
    self.hint = hint.isEmpty ? nil : hint
  }

  func write(to writer: inout PayloadWriter) {
    precondition(exitStatus != 0, "a failure with the status of success")
    writer.write(exitStatus)
    writer.write(sentence, atMost: WireLimits.textByteCount)
    writer.write(hint ?? "", atMost: WireLimits.textByteCount)
  }
}
