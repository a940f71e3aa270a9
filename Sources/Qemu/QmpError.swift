// SPDX-License-Identifier: Apache-2.0

/// What went wrong between us and a QEMU: where, what, and what to do about it.
package struct QmpError: Error, Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    /// QEMU was asked for something and refused; `class` is its own word for that.
    case refused(class: String)
    /// The socket cannot be reached, or was closed.
    case lost
    /// No answer came in time.
    case late
    /// What came is not the protocol.
    case malformed
    /// The machine is not one that can be moved.
    case unsuitable
  }

  package var kind: Kind
  /// The socket's path or the domain's name.
  package var object: String
  package var sentence: String
  package var hint: String?

  package init(_ kind: Kind, object: String, sentence: String, hint: String? = nil) {
    self.kind = kind
    self.object = object
    self.sentence = sentence
    self.hint = hint
  }

  package var description: String { "\(object): \(sentence)" }
}
