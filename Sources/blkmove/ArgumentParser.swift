// SPDX-License-Identifier: Apache-2.0

/// Reads a command line by GNU's rules: options and operands in any order, `--` ends the options,
/// `-abVALUE`, `--name VALUE`, `--name=VALUE`, unambiguous beginnings of long names. A value that
/// may be left out follows `=` only: `--name=VALUE`, `-n=VALUE`.
///
/// It relies on the table of flags alone; whatever is typed ends in `Arguments` or in a
/// `UsageError`, never in a trap.
struct ArgumentParser {
  private let flags: [Flag]
  private var rest: ArraySlice<String>
  private var arguments = Arguments()
  /// Every option as it was typed, to be held against the subcommand when that is known.
  private var typed: [(spelling: String, flag: Flag)] = []
  private var hasSubcommand = false

  private init(_ words: [String], flags: [Flag]) {
    self.flags = flags
    rest = words[...]
  }

  static func parse(
    _ words: [String], flags: [Flag] = FlagTable.all
  ) throws(UsageError) -> Arguments {
    var parser = ArgumentParser(words, flags: flags)
    try parser.readAll()
    return parser.arguments
  }

  /// Whether `--json` was asked for, however broken the rest of the line is.
  static func asksForJSON(_ words: [String]) -> Bool {
    words.prefix { $0 != "--" }.contains("--json")
  }

  private mutating func readAll() throws(UsageError) {
    while let word = rest.popFirst() {
      if word == "--" {
        arguments.operands += rest
        break
      } else if word.hasPrefix("--") {
        try readLong(word)
      } else if word.hasPrefix("-"), word != "-" {
        try readShort(word)
      } else {
        readOperand(word)
      }
    }
    if arguments.serverRole != nil { arguments.subcommand = .server }
    if arguments.generated != nil { arguments.subcommand = .generate }
    if arguments.guarded != nil { arguments.subcommand = .guardian }
    try checkSubcommand()
  }

  /// The first operand may name a subcommand.
  private mutating func readOperand(_ word: String) {
    if !hasSubcommand, arguments.operands.isEmpty,
      let subcommand = Subcommand.words.first(where: { $0.rawValue == word })
    {
      arguments.subcommand = subcommand
      hasSubcommand = true
    } else {
      arguments.operands.append(word)
    }
  }

  private mutating func readLong(_ word: String) throws(UsageError) {
    let body = word.dropFirst(2)
    let equals = body.firstIndex(of: "=")
    let name = String(body[..<(equals ?? body.endIndex)])
    let attached = equals.map { String(body[body.index(after: $0)...]) }
    let (flag, isNegated) = try find(name)
    let spelling = isNegated ? "--no-\(flag.long)" : "--\(flag.long)"

    if isNegated {
      guard attached == nil else { throw UsageError("option '\(spelling)' takes no value") }
      return try apply(flag, .negated, spelling)
    }
    switch flag.value {
    case .none:
      guard attached == nil else { throw UsageError("option '\(spelling)' takes no value") }
      try apply(flag, .bare, spelling)
    case .optional:
      try apply(flag, attached.map { .value($0) } ?? .bare, spelling)
    case .required:
      let value = if let attached { attached } else { try nextWord(for: spelling) }
      try apply(flag, .value(value), spelling)
    }
  }

  private mutating func readShort(_ word: String) throws(UsageError) {
    var letters = word.dropFirst()
    var previous: Flag?
    while let letter = letters.popFirst() {
      guard let flag = flags.first(where: { $0.short == letter }) else {
        throw unknown(letter, in: word, after: previous, rest: String(letter) + letters)
      }
      let spelling = "-\(letter)"
      switch flag.value {
      case .required:
        let value = letters.isEmpty ? try nextWord(for: spelling) : String(letters)
        return try apply(flag, .value(value), spelling)
      case .optional where letters.hasPrefix("="):
        return try apply(flag, .value(String(letters.dropFirst())), spelling)
      case .optional, .none:
        try apply(flag, .bare, spelling)
      }
      previous = flag
    }
  }

  private func unknown(
    _ letter: Character, in word: String, after previous: Flag?, rest: String
  ) -> UsageError {
    let sentence = "unknown option '-\(letter)'" + (word.count > 2 ? " in '\(word)'" : "")
    if let previous, case .optional = previous.value {
      return UsageError(sentence, hint: "a value is written as --\(previous.long)=\(rest)")
    }
    if let hint = RsyncHabit.hint(for: "-\(letter)") { return UsageError(sentence, hint: hint) }
    return UsageError(sentence)
  }

  private mutating func nextWord(for spelling: String) throws(UsageError) -> String {
    guard let word = rest.popFirst() else {
      throw UsageError("option '\(spelling)' needs a value")
    }
    return word
  }

  private mutating func apply(
    _ flag: Flag, _ value: Flag.Typed, _ spelling: String
  ) throws(UsageError) {
    typed.append((spelling, flag))
    do {
      try flag.apply(value, &arguments)
    } catch {
      throw UsageError("option '\(spelling)': \(error.sentence)", hint: error.hint)
    }
  }

  /// The flag that a long name, or an unambiguous beginning of one, means. Hidden flags
  /// must be written out.
  private func find(_ name: String) throws(UsageError) -> (flag: Flag, isNegated: Bool) {
    var matches: [(name: String, flag: Flag, isNegated: Bool)] = []
    for flag in flags {
      for longName in flag.longNames {
        let isNegated = longName != flag.long
        if longName == name { return (flag, isNegated) }
        if longName.hasPrefix(name), !flag.isHidden {
          matches.append((longName, flag, isNegated))
        }
      }
    }
    if let match = matches.first, matches.count == 1, !name.isEmpty {
      return (match.flag, match.isNegated)
    }
    if matches.isEmpty || name.isEmpty { throw unknown(name) }
    let names = matches.map { "'--\($0.name)'" }.joined(separator: ", ")
    throw UsageError("option '--\(name)' is ambiguous: \(names)")
  }

  private func unknown(_ name: String) -> UsageError {
    if let hint = RsyncHabit.hint(for: "--\(name)") {
      return UsageError("unknown option '--\(name)'", hint: hint)
    }
    if Subcommand.words.contains(where: { $0.rawValue == name }) {
      return UsageError("unknown option '--\(name)'; did you mean '\(Program.name) \(name)'?")
    }
    let names = flags.filter { !$0.isHidden }.flatMap(\.longNames)
    let question = Suggestion.nearest(to: name, among: names).map { "; did you mean '--\($0)'?" }
    return UsageError("unknown option '--\(name)'\(question ?? "")")
  }

  private func checkSubcommand() throws(UsageError) {
    for (spelling, flag) in typed where !flag.subcommands.contains(arguments.subcommand) {
      let others = ([Subcommand.copy] + Subcommand.words)
        .filter(flag.subcommands.contains).map(\.displayed)
      throw UsageError(
        "option '\(spelling)' does not belong to \(arguments.subcommand.displayed)"
          + " but to \(others.joined(separator: ", "))")
    }
  }
}
