// SPDX-License-Identifier: Apache-2.0

/// Texts that a shell reads, made and read as a POSIX shell would, without running one.
///
/// Quoting protects a path on its way through the remote shell. Splitting is for values such
/// as `-e "ssh -p 2222"`, and for the command that a forced command is handed: quotes and
/// backslashes mean what they mean to a shell; nothing is expanded, and `$`, `;` or `|` are
/// characters like any other.
package enum ShellWords {
  /// One word for a POSIX shell that stands for exactly this text, whatever it holds. Whether a
  /// word that begins with `-` is an option is for the command to say: put `--` before it.
  package static func quoted(_ text: String) -> String {
    if !text.isEmpty && text.utf8.allSatisfy(isPlain) { return text }
    var result: [UInt8] = [apostrophe]
    for byte in text.utf8 {
      if byte == apostrophe {
        result += [apostrophe, backslash, apostrophe, apostrophe]
      } else {
        result.append(byte)
      }
    }
    result.append(apostrophe)
    return String(decoding: result, as: UTF8.self)
  }

  /// The words of a text. `name` is what errors call it.
  package static func split(_ text: String, name: String) throws(WireError) -> [String] {
    var splitter = Splitter(text: Array(text.utf8), name: name)
    return try splitter.words()
  }

  private static let apostrophe = UInt8(ascii: "'")
  private static let backslash = UInt8(ascii: "\\")

  /// Bytes that mean themselves to every shell, in any place.
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"),
      UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "+"),
      UInt8(ascii: "%"):
      true
    default: false
    }
  }

  /// Reads bytes, not characters: a quote stays a quote when an accent follows it.
  private struct Splitter {
    let text: [UInt8]
    let name: String
    private var position = 0
    private var word: [UInt8] = []
    /// Whether there is a word even when it has no bytes: one that was quoted.
    private var isInWord = false
    private var result: [String] = []

    init(text: [UInt8], name: String) {
      self.text = text
      self.name = name
    }

    mutating func words() throws(WireError) -> [String] {
      if text.count > WireLimits.commandByteCount {
        throw error("\(text.count) bytes", "at most \(WireLimits.commandByteCount) are allowed")
      }
      while let byte = take() {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"): try endWord()
        case apostrophe: try takeLiterally(from: position - 1)
        case UInt8(ascii: "\""): try takeQuoted(from: position - 1)
        case backslash: try takeEscaped()
        default: append(byte)
        }
      }
      try endWord()
      return result
    }

    private mutating func take() -> UInt8? {
      guard position < text.count else { return nil }
      defer { position += 1 }
      return text[position]
    }

    private mutating func append(_ byte: UInt8) {
      isInWord = true
      word.append(byte)
    }

    private mutating func endWord() throws(WireError) {
      guard isInWord else { return }
      if result.count >= WireLimits.commandWordCount {
        throw error("too many words", "at most \(WireLimits.commandWordCount) are allowed")
      }
      result.append(String(decoding: word, as: UTF8.self))
      word.removeAll(keepingCapacity: true)
      isInWord = false
    }

    private mutating func takeEscaped() throws(WireError) {
      guard let byte = take() else {
        throw error("a backslash at the end", "a character must follow")
      }
      if byte != UInt8(ascii: "\n") { append(byte) }
    }

    private mutating func takeLiterally(from start: Int) throws(WireError) {
      isInWord = true
      while let byte = take() {
        if byte == apostrophe { return }
        append(byte)
      }
      throw unterminated("single", start)
    }

    private mutating func takeQuoted(from start: Int) throws(WireError) {
      isInWord = true
      while let byte = take() {
        switch byte {
        case UInt8(ascii: "\""): return
        case backslash:
          guard let escaped = take() else { throw unterminated("double", start) }
          switch escaped {
          case UInt8(ascii: "\n"): break
          case UInt8(ascii: "\""), UInt8(ascii: "$"), UInt8(ascii: "`"), backslash:
            append(escaped)
          default:
            append(backslash)
            append(escaped)
          }
        default: append(byte)
        }
      }
      throw unterminated("double", start)
    }

    private func unterminated(_ kind: String, _ start: Int) -> WireError {
      error("a \(kind) quote that is not closed", "it opens at byte \(start + 1)")
    }

    private func error(_ found: String, _ allowed: String) -> WireError {
      WireError(.words, "words", field: name, found: found, allowed: allowed)
    }
  }
}
