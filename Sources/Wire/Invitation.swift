// SPDX-License-Identifier: Apache-2.0

/// Where further connections of this run may join it, and what they have to show there.
package struct Invitation: Equatable, Sendable {
  /// Hexadecimal digits, for the command line of the process that joins; empty when none may.
  package var name: String
  package var token: JoinToken

  package init(name: String, token: JoinToken) {
    self.name = name
    self.token = token
  }

  /// The answer to who may not, or only wanted an answer.
  package static let none = Invitation(name: "", token: JoinToken(low: 0, high: 0))

  /// Whether this can be a name: it becomes a word of a command line, and part of an address.
  package static func isName(_ text: String) -> Bool {
    (1...WireLimits.invitationByteCount).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    name = try reader.text("name", atMost: WireLimits.invitationByteCount)
    guard name.isEmpty || Invitation.isName(name) else {
      throw reader.error("name", found: name.displayable, allowed: "hexadecimal digits")
    }
    token = try JoinToken(from: &reader)
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(name, atMost: WireLimits.invitationByteCount)
    token.write(to: &writer)
  }
}
