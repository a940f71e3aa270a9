// SPDX-License-Identifier: Apache-2.0

import Transfer

/// The manual page, `man/blkmove.1`: what has to be explained stands in `ManualText`, the options
/// come from the table of flags and the exit statuses from theirs.
enum ManualPage {
  static var text: String {
    let title = Program.name.uppercased()
    var page = """
      .\\" Generated from the table of flags by "make generate": change Sources/blkmove instead.
      .\\" SPDX-License-Identifier: Apache-2.0
      .TH \(title) 1 "\(Program.releaseDate)" "\(Program.name) \(Program.version)" "User Commands"
      .SH NAME
      \(Program.name) \\- \(Program.summary)

      """
    page += synopsis
    for section in ManualText.before + [options] + ManualText.after {
      page += Roff.section(section)
    }
    return page
  }

  private static var synopsis: String {
    let usages = ([Subcommand.copy] + Subcommand.words).flatMap(\.usage)
    let lines = usages.map { usage in
      let words = usage.split(separator: " ", maxSplits: 1)
      let isSubcommand = Subcommand.words.contains { $0.rawValue == words[0] }
      let bold = isSubcommand ? "\(Program.name) \(words[0])" : Program.name
      let rest = isSubcommand ? String(words[1]) : usage
      return Roff.markedUp("`\(bold)` \(rest)")
    }
    return ".SH SYNOPSIS\n" + lines.joined(separator: "\n.br\n") + "\n"
  }

  private static var options: Roff.Section {
    var blocks: [Roff.Block] = [
      .paragraph(
        """
        Options and operands may come in any order; `--` ends the options. Long names may \
        be shortened as long as they stay unambiguous. Where an option is given twice the \
        last counts.
        """)
    ]
    for group in Flag.Group.allCases where group != .hidden {
      blocks.append(.heading(group.rawValue))
      let flags = FlagTable.all.filter { $0.group == group }
      blocks.append(.terms(flags.map { (term($0), $0.description) }))
    }
    return Roff.Section(title: "OPTIONS", blocks: blocks)
  }

  private static func term(_ flag: Flag) -> String {
    var names = flag.short.map { "`-\($0)`, " } ?? ""
    switch flag.value {
    case .none: names += "`--\(flag.long)`"
    case .required(let value, _): names += "`--\(flag.long)`=\(value)"
    case .optional(let value, _): names += "`--\(flag.long)`[=\(value)]"
    }
    return names + (flag.isNegatable ? ", `--no-\(flag.long)`" : "")
  }
}
