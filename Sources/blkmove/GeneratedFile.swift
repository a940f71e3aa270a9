// SPDX-License-Identifier: Apache-2.0

/// The files that are made from the table of flags and kept in the repository.
enum GeneratedFile: String, CaseIterable, Sendable {
  case help

  /// Where `make generate` puts it, from the top of the repository.
  var path: String {
    switch self {
    case .help: "Tests/CommandTests/Golden/help.txt"
    }
  }

  var text: String {
    switch self {
    case .help: Help.text()
    }
  }
}
