// SPDX-License-Identifier: Apache-2.0

/// What is wrong with bytes that came over the wire, or with a text that was to be split into
/// words: where it stands, what was found there, and what is allowed.
///
/// Its description is a sentence for the user, and holds nothing that a terminal would obey.
package struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Equatable, Sendable {
    /// The stream does not begin as one of ours: something else answers.
    case magic
    /// The stream ended before a message was complete.
    case endOfStream
    /// A message that does not say what it must.
    case message
    /// No version is spoken by both ends.
    case version
    /// A text that a shell would not accept either.
    case words
    /// What is read is no stream of the kind that is wanted; `message` is the kind.
    case foreignStream
    /// A stream ended before its last record.
    case cutStream
    /// A stream is not as it was written.
    case alteredStream
  }

  package var kind: Kind
  /// The message, or what is read instead of one.
  package var message: String
  package var field: String
  package var found: String
  package var allowed: String

  package init(
    _ kind: Kind, _ message: String, field: String, found: String, allowed: String
  ) {
    self.kind = kind
    self.message = message
    self.field = field
    self.found = found
    self.allowed = allowed
  }

  package var description: String {
    switch kind {
    case .magic:
      "the other end does not speak blkmove's protocol: it says \(found)"
    case .endOfStream:
      "the stream ended in the middle of \(message): \(field): \(found) of \(allowed)"
    case .message:
      "message \(message): \(field): found \(found), allowed \(allowed)"
    case .version:
      "no common protocol version: \(found), \(allowed)"
    case .words:
      "\(field): \(found), \(allowed)"
    case .foreignStream:
      "is no \(message): \(field): found \(found), allowed \(allowed)"
    case .cutStream:
      "is not complete: it ends in \(message): \(field): \(found) of \(allowed)"
    case .alteredStream:
      "is not as it was written: record \(message): \(field): found \(found), allowed \(allowed)"
    }
  }
}
