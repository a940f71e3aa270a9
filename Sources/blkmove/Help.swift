// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What `--help` prints, for the whole command or for one subcommand.
enum Help {
  static let width = 80
  private static let indent = 27

  static func text(for subcommand: Subcommand = .copy) -> String {
    let isWhole = subcommand == .copy
    var lines = ["\(Program.name): \(Program.summary)", ""]
    for topic in isWhole ? [.copy] + Subcommand.words : [subcommand] {
      for usage in topic.usage {
        lines.append("\(lines.count == 2 ? "usage:" : "      ") \(Program.name) \(usage)")
      }
    }
    lines.append("")
    lines += isWhole ? introduction : wrapped(subcommand.summary, indent: 0)
    let flags = isWhole ? FlagTable.all : FlagTable.flags(of: subcommand)
    for group in Flag.Group.allCases where group != .hidden {
      let members = flags.filter { $0.group == group }
      if members.isEmpty { continue }
      lines += ["", "\(group.rawValue):"]
      for flag in members { lines += entry(flag) }
    }
    if isWhole { lines += [""] + conclusion }
    return lines.map { "\($0)\n" }.joined()
  }

  private static let introduction = [
    "SOURCE and TARGET are a path, [user@]host:path or ssh://[user@]host[:port]/path;",
    "one of them may be remote. Both may be regular files or block devices. A target",
    "that is a directory takes the source's name. Only what the target lacks is sent.",
    "Without a subcommand the target is made equal to the source; 'verify' compares,",
    "'digest' prints an image's 32-byte name, 'serve' is for an authorized_keys file.",
    "'manifest', 'delta' and 'apply' are pieces of a pipe.",
  ]

  private static var conclusion: [String] {
    [
      "RATE and SIZE are a number, perhaps with a fraction, and a unit: K, M, G, T or",
      "KiB, MiB, GiB, TiB (by 1024), kB, MB, GB, TB (by 1000), B; for a RATE also kbit,",
      "Mbit, Gbit. A RATE without a unit is in KiB/s, as in rsync; a SIZE in bytes.",
      "",
      "Exit status:",
    ] + ExitStatus.allCases.map { "  \($0.rawValue)  \($0.meaning)" }
  }

  /// `  -z, --compress[=LEVEL]   what it does`, folded below the second column.
  private static func entry(_ flag: Flag) -> [String] {
    let head = "  " + (flag.short.map { "-\($0), " } ?? "    ") + flag.spelledLong
    let body = wrapped(flag.summary + negation(flag), indent: indent)
    guard head.count + 2 <= indent, let first = body.first else { return [head] + body }
    return [head + first.dropFirst(head.count)] + body.dropFirst()
  }

  private static func negation(_ flag: Flag) -> String {
    flag.isNegatable ? "; --no-\(flag.long)" : ""
  }

  /// Folds words into lines that begin with spaces.
  static func wrapped(_ text: String, indent: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    lines.append(line)
    return lines.map { String(repeating: " ", count: indent) + $0 }
  }
}
