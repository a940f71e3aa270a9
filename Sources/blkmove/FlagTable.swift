// SPDX-License-Identifier: Apache-2.0

/// The table of flags. Everything that the command knows about an option stands here and
/// nowhere else; the groups are in the files `FlagTable+...`.
enum FlagTable {
  static let all: [Flag] =
    copying + remembering + live + safety + connection + output + resources + serving + hidden

  static func flags(of subcommand: Subcommand) -> [Flag] {
    all.filter { $0.subcommands.contains(subcommand) && !$0.isHidden }
  }

  static let everywhere = runs.union([.status, .cutover, .serve])
  static let runs: Set<Subcommand> = [.copy, .verify, .digest, .manifest, .delta, .apply]
  /// Those that may have another end.
  static let distant: Set<Subcommand> = [.copy, .verify, .digest]
  /// Those that write to a target.
  static let writers: Set<Subcommand> = [.copy, .apply]
  /// Those that keep account of an image.
  static let accountants: Set<Subcommand> = [.copy, .manifest, .delta, .apply]
  static let pairs: Set<Subcommand> = [.copy, .verify]
  static let copies: Set<Subcommand> = [.copy]

  /// A switch: on by its name, and off by `--no-NAME` when it is negatable.
  static func toggle(_ set: @escaping @Sendable (inout Arguments, Bool) -> Void) -> Flag.Apply {
    { (typed, arguments) throws(UsageError) in set(&arguments, typed != .negated) }
  }

  /// An option with a value that must be there.
  static func valued(
    _ set: @escaping @Sendable (inout Arguments, String) throws(UsageError) -> Void
  ) -> Flag.Apply {
    { (typed, arguments) throws(UsageError) in
      guard case .value(let text) = typed else { throw UsageError("needs a value") }
      if text.isEmpty { throw UsageError("the value is empty") }
      try set(&arguments, text)
    }
  }

  /// A whole number within a range.
  static func number(_ text: String, in range: ClosedRange<Int>) throws(UsageError) -> Int {
    let isDecimal = text.unicodeScalars.allSatisfy { ("0"..."9").contains($0) }
    guard isDecimal, let number = Int(text), range.contains(number) else {
      throw UsageError(
        "'\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// One of a few words.
  static func choice<Choice: RawRepresentable & CaseIterable>(
    _ text: String, as: Choice.Type
  ) throws(UsageError) -> Choice where Choice.RawValue == String {
    if let choice = Choice(rawValue: text) { return choice }
    let words = Choice.allCases.map(\.rawValue)
    let question = Suggestion.nearest(to: text, among: words).map { "; did you mean '\($0)'?" }
    throw UsageError(
      "'\(text)' is not one of \(words.joined(separator: ", "))\(question ?? "")")
  }
}
