// SPDX-License-Identifier: Apache-2.0

/// One option of the command line, defined once: parsing, help, the manual page and
/// the completions of three shells are all made from this value, so they cannot drift.
struct Flag: Sendable {
  /// What follows the name.
  enum Value: Sendable {
    case none
    case required(String, Completion)
    /// Only in the form `--name=VALUE`: a word that follows is an operand.
    case optional(String, Completion)
  }

  /// What a shell offers for a value.
  enum Completion: Equatable, Sendable {
    case nothing, file, command
    case choices([String])
  }

  /// How the option stood on the command line.
  enum Typed: Equatable, Sendable {
    case bare
    case negated
    case value(String)
  }

  /// The heading under which help and the manual page list it.
  enum Group: String, CaseIterable, Sendable {
    case copying = "What is copied"
    case remembering = "What is remembered"
    case live = "Live copies"
    case safety = "Safety"
    case connection = "Connection"
    case output = "Output"
    case resources = "Resources"
    case serving = "Serving"
    case hidden = ""
  }

  typealias Apply = @Sendable (Typed, inout Arguments) throws(UsageError) -> Void

  let long: String
  let short: Character?
  let value: Value
  /// Whether `--no-NAME` undoes it.
  let isNegatable: Bool
  /// Whether giving it again adds to it, where it otherwise replaces.
  let isRepeatable: Bool
  let group: Group
  let subcommands: Set<Subcommand>
  /// One clause for the help and the completions.
  let summary: String
  /// Paragraphs for the manual page; words in backticks are set in bold.
  let description: String
  let apply: Apply

  init(
    _ long: String, _ short: Character? = nil, value: Value = .none, isNegatable: Bool = false,
    isRepeatable: Bool = false, group: Group, for subcommands: Set<Subcommand>, summary: String,
    description: String,
    apply: @escaping Apply
  ) {
    self.long = long
    self.short = short
    self.value = value
    self.isNegatable = isNegatable
    self.isRepeatable = isRepeatable
    self.group = group
    self.subcommands = subcommands
    self.summary = summary
    self.description = description
    self.apply = apply
  }

  var isHidden: Bool { group == .hidden }

  var needsValue: Bool {
    if case .required = value { true } else { false }
  }

  var completion: Completion {
    switch value {
    case .none: .nothing
    case .required(_, let completion), .optional(_, let completion): completion
    }
  }

  /// The long name as it is written in help: `--compress[=LEVEL]`.
  var spelledLong: String {
    switch value {
    case .none: "--\(long)"
    case .required(let name, _): "--\(long)=\(name)"
    case .optional(let name, _): "--\(long)[=\(name)]"
    }
  }

  /// The long names that the parser takes: the name itself and its negation.
  var longNames: [String] { isNegatable ? [long, "no-\(long)"] : [long] }

  /// What `--no-NAME` does, in a clause.
  var negatedSummary: String { "turn --\(long) off" }
}
