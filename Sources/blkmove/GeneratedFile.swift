// SPDX-License-Identifier: Apache-2.0

/// The files that are made from the table of flags and kept in the repository.
enum GeneratedFile: String, CaseIterable, Sendable {
  case help, man, bash, zsh, fish

  /// Where `make generate` puts it, from the top of the repository.
  var path: String {
    switch self {
    case .help: "Tests/CommandTests/Golden/help.txt"
    case .man: "man/blkmove.1"
    case .bash: "completions/blkmove.bash"
    case .zsh: "completions/_blkmove"
    case .fish: "completions/blkmove.fish"
    }
  }

  var text: String {
    switch self {
    case .help: Help.text()
    case .man: ManualPage.text
    case .bash: BashCompletion.text
    case .zsh: ZshCompletion.text
    case .fish: FishCompletion.text
    }
  }
}
