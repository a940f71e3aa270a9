// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Why an image could not be opened, read, written or finished, with the evidence: which
/// object, which operation, where, how much, and the cause.
///
/// `description` renders `/dev/vdb: write 1 MiB at 4 GiB: No space left on device`; who says it
/// (source, target) is added by Transfer, the program's name by the command.
package struct StorageError: Error, Equatable, Sendable {
  /// What stood in the way.
  package enum Kind: Equatable, Sendable {
    /// The kernel said no.
    case system(Int32)
    /// Refused for safety: nothing was changed.
    case refused(Refusal)
    /// What is named is no image, or cannot be one: a directory, a socket, a bad name.
    case unsuitable
    /// The image ends before the size that it had when it was opened.
    case shrank
    /// The caller asked for bytes that the image does not have.
    case outside
  }

  /// What a refusal protects.
  package enum Refusal: String, Equatable, Sendable, CaseIterable {
    case mounted, swap, held, loopBacking, locked, sameImage, unfinished, readOnly, tooSmall
    case sizeDiffers, outsidePolicy, partFile, noDevice, irreplaceable
  }

  package var kind: Kind
  /// The image, as the user wrote it.
  package var object: String
  /// What was tried: `open`, `write`, `synchronize` ...; empty when the sentence says it all.
  package var operation: String
  package var offset: UInt64?
  package var byteCount: Int?
  /// The cause in words, where it is not the kernel's.
  package var sentence: String
  package var hint: String?

  package init(
    _ kind: Kind, object: String, operation: String = "", offset: UInt64? = nil,
    byteCount: Int? = nil, sentence: String = "", hint: String? = nil
  ) {
    self.kind = kind
    self.object = object
    self.operation = operation
    self.offset = offset
    self.byteCount = byteCount
    self.sentence = sentence
    self.hint = hint
  }

  /// Whether the run was refused for safety (exit status 6), not failed.
  package var isRefusal: Bool {
    if case .refused = kind { true } else { false }
  }

  /// The errno, where the kernel gave one.
  package var errorNumber: Int32? {
    if case .system(let number) = kind { number } else { nil }
  }
}

extension StorageError: CustomStringConvertible {
  package var description: String {
    var parts = [object.isEmpty ? "\"\"" : object]
    if !operation.isEmpty { parts.append(operation + place) }
    parts.append(sentence.isEmpty ? cause : sentence)
    return parts.joined(separator: ": ")
  }

  private var place: String {
    var text = ""
    if let byteCount { text += " " + ByteText.amount(UInt64(byteCount)) }
    if let offset { text += " at " + ByteText.position(offset) }
    return text
  }

  private var cause: String {
    switch kind {
    case .system(let number): SystemError(number: number).text
    case .refused(let refusal): "refused: \(refusal.rawValue)"
    case .unsuitable: "is no disk image"
    case .shrank: "became smaller during the run"
    case .outside: "is outside of the image"
    }
  }
}
