// SPDX-License-Identifier: Apache-2.0

/// Writes the markup of man(7). Text is plain, with `words in backticks` set in bold.
enum Roff {
  /// What stands in a section of a manual page.
  enum Block: Sendable {
    case paragraph(String)
    case heading(String)
    /// Terms with their explanations. The term is set as text is.
    case terms([(term: String, text: String)])
    /// Lines as they would be typed.
    case example([String])
  }

  struct Section: Sendable {
    var title: String
    var blocks: [Block]
  }

  static func section(_ section: Section) -> String {
    var lines = [".SH \(escaped(section.title))"]
    // Behind a title there is space already.
    var isFirst = true
    for block in section.blocks {
      lines += rendered(block, isFirst: isFirst)
      isFirst = if case .heading = block { true } else { false }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func rendered(_ block: Block, isFirst: Bool) -> [String] {
    switch block {
    case .paragraph(let text): return (isFirst ? [] : [".PP"]) + [markedUp(text)]
    case .heading(let title): return [".SS \(escaped(title))"]
    case .terms(let terms):
      return terms.flatMap { [".TP", guarded(marked($0.term)), markedUp($0.text)] }
    case .example(let lines):
      return (isFirst ? [] : [".PP"]) + [".nf", ".RS 4"] + lines.map(escaped) + [".RE", ".fi"]
    }
  }

  /// Text with its bold words, safe at the beginning of a line.
  static func markedUp(_ text: String) -> String { folded(marked(text)) }

  private static func marked(_ text: String) -> String {
    var result = ""
    for (position, part) in text.split(separator: "`", omittingEmptySubsequences: false)
      .enumerated()
    {
      let plain = characters(String(part))
      result += position.isMultiple(of: 2) ? plain : "\\fB\(plain)\\fR"
    }
    return result
  }

  /// Roff joins lines again; short ones can be read, and compared, as they are.
  private static func folded(_ text: String) -> String {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > maximumLineLength {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? word : " \(word)"
    }
    return (lines + [line]).map(guarded).joined(separator: "\n")
  }

  private static let maximumLineLength = 78

  static func escaped(_ text: String) -> String { guarded(characters(text)) }

  /// A dot or an apostrophe at the beginning of a line would be a request.
  private static func guarded(_ line: String) -> String {
    line.hasPrefix(".") || line.hasPrefix("'") ? "\\&\(line)" : line
  }

  /// Characters that roff would read as something else. A hyphen must stay one, because
  /// options are copied from manual pages.
  private static func characters(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case "'": result += "\\(aq"
      case "`": result += "\\(ga"
      case "~": result += "\\(ti"
      case "^": result += "\\(ha"
      case "\"": result += "\\(dq"
      default: result.append(character)
      }
    }
    return result
  }
}
