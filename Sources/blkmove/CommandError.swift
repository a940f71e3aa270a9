// SPDX-License-Identifier: Apache-2.0

import Transfer

/// Why the command ends with a status other than 0, as it is said: `blkmove: SENTENCE`, then at
/// most one `hint:` line.
struct CommandError: Error, Equatable {
  /// Which end it is about, when it is about one.
  var end: TransferError.End?
  var sentence: String
  var hint: String?
  var status: ExitStatus

  init(
    _ sentence: String, end: TransferError.End? = nil, hint: String? = nil, status: ExitStatus
  ) {
    self.end = end
    self.sentence = sentence
    self.hint = hint
    self.status = status
  }

  init(_ error: UsageError) {
    self.init(error.sentence, hint: error.hint, status: .usage)
  }

  init(_ error: TransferError) {
    self.init(error.sentence, end: error.end, hint: error.hint, status: error.status)
  }

  static let interrupted = CommandError(
    "interrupted; what has arrived is kept, run again to go on", status: .interrupted)

  /// The sentence with the end that it is about.
  var displayed: String { (end.map { "\($0.rawValue) " } ?? "") + sentence }

  /// As it stands on standard error.
  var lines: [String] {
    ["\(Program.name): \(displayed)"] + (hint.map { ["hint: \($0)"] } ?? [])
  }
}
