// SPDX-License-Identifier: Apache-2.0

/// A command line that does not make sense: a sentence for the person who typed it, and what
/// to do about it. It always ends in exit status 2.
struct UsageError: Error, Equatable {
  var sentence: String
  var hint: String

  init(_ sentence: String, hint: String = "try '\(Program.name) --help'") {
    self.sentence = sentence
    self.hint = hint
  }
}
