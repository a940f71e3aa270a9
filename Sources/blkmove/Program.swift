// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What the command is called and which release it is: the words that help, the manual
/// page and the start of a `--json` stream share.
enum Program {
  static let name = "blkmove"
  static let version = ProgramVersion.number
  /// The month of the release, for the manual page: a generated file must not carry today's date.
  static let releaseDate = "2026-11-20"
  static let summary = "make one disk image or block device equal to another"
}
