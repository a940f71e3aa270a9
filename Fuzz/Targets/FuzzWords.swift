// SPDX-License-Identifier: Apache-2.0

import Wire

/// A text for a shell: what was split can be quoted and split again, and any text survives
/// being quoted.
func fuzzWords(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  let quoted = ShellWords.quoted(text)
  guard quoted.utf8.count <= WireLimits.commandByteCount else { return }
  guard let again = try? ShellWords.split(quoted, name: ""), again == [text] else {
    preconditionFailure("quoting")
  }
  precondition(text.displayable.displayable == text.displayable, "escaping twice")
  guard let words = try? ShellWords.split(text, name: "") else { return }
  let line = words.map(ShellWords.quoted).joined(separator: " ")
  guard line.utf8.count <= WireLimits.commandByteCount else { return }
  guard let found = try? ShellWords.split(line, name: ""), found == words else {
    preconditionFailure("splitting")
  }
}
