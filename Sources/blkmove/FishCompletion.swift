// SPDX-License-Identifier: Apache-2.0

/// The completion for fish: `completions/blkmove.fish`.
enum FishCompletion {
  static var text: String {
    var lines = [
      "# fish completion for blkmove; generated from the table of flags by \"make generate\"",
      "# SPDX-License-Identifier: Apache-2.0",
      "",
      "function __blkmove_subcommand",
      "  for word in (commandline -opc)[2..-1]",
      "    switch $word",
      "      case \(words.joined(separator: " "))",
      "        echo $word",
      "        return",
      "      case --",
      "        break",
      "    end",
      "  end",
      "  echo copy",
      "end",
      "",
      "function __blkmove_is",
      "  contains -- (__blkmove_subcommand) $argv",
      "end",
      "",
      "# Whether only options have been typed so far.",
      "function __blkmove_is_at_start",
      "  for word in (commandline -opc)[2..-1]",
      "    string match -q -- '-*' $word; or return 1",
      "  end",
      "end",
      "",
      "function __blkmove_is_typing",
      "  string match -q -- \"$argv*\" (commandline -ct)",
      "end",
      "",
    ]
    for subcommand in Subcommand.words {
      lines.append(
        "complete -c blkmove -n __blkmove_is_at_start"
          + " -a \(subcommand.rawValue) -d \(quoted(subcommand.summary))")
    }
    lines.append(
      "complete -c blkmove -n '__blkmove_is copy verify digest'"
        + " -a '(__fish_print_hostnames):' -d host")
    lines.append("")
    for flag in FlagTable.all where !flag.isHidden { lines += completions(flag) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static let words = Subcommand.words.map(\.rawValue)

  private static func completions(_ flag: Flag) -> [String] {
    let subcommands = ([Subcommand.copy] + Subcommand.words).filter(flag.subcommands.contains)
    let condition = "__blkmove_is \(subcommands.map(\.rawValue).joined(separator: " "))"
    let complete = "complete -c blkmove -n '\(condition)'"
    let summary = " -d \(quoted(flag.summary))"
    var lines: [String] = []
    let short = flag.short.map { " -s \($0)" } ?? ""
    switch flag.value {
    case .none:
      lines.append("\(complete)\(short) -l \(flag.long)\(summary)")
    case .required(_, let completion):
      lines.append("\(complete)\(short) -l \(flag.long) -r\(values(completion))\(summary)")
    case .optional(_, let completion):
      // The short option has no value, and the long one only after "=".
      lines.append("\(complete)\(short) -l \(flag.long)\(summary)")
      if case .choices(let words) = completion {
        let attached = words.map { "--\(flag.long)=\($0)" }.joined(separator: " ")
        lines.append(
          "complete -c blkmove -n '\(condition); and __blkmove_is_typing --\(flag.long)='"
            + " -a '\(attached)'")
      }
    }
    if flag.isNegatable {
      lines.append("\(complete) -l no-\(flag.long) -d \(quoted(flag.negatedSummary))")
    }
    return lines
  }

  private static func values(_ completion: Flag.Completion) -> String {
    switch completion {
    case .nothing: " -f"
    case .file: " -F"
    case .command: " -f -a '(__fish_complete_command)'"
    case .choices(let words): " -f -a '\(words.joined(separator: " "))'"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "'"
    for character in text {
      if character == "'" || character == "\\" { result += "\\" }
      result.append(character)
    }
    return result + "'"
  }
}
