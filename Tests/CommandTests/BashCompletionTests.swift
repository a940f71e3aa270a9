// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import blkmove

/// The completion in a real bash, with the words cut as readline cuts them.
@Suite struct BashCompletionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    /// The command line up to the cursor, cut into words.
    var words: [String]
    var replies: [String]
    /// Whether readline is left to complete files when there is no reply.
    var leavesFiles = true

    var testDescription: String { words.joined(separator: "·") }
  }

  static let cases: [Case] = [
    Case(words: ["--comp"], replies: ["--compress"]),
    Case(words: ["--no-s"], replies: ["--no-sparse"]),
    Case(words: ["--bw"], replies: ["--bwlimit="]),
    Case(words: ["--ver"], replies: ["--verify", "--verbose", "--version"]),
    Case(words: ["--serv"], replies: []),
    Case(words: ["--compress", "=", "n"], replies: ["none"], leavesFiles: false),
    Case(words: ["--compress", "="], replies: compressions, leavesFiles: false),
    Case(words: ["--compress=a"], replies: ["--compress=auto"], leavesFiles: false),
    Case(words: ["--size-policy", "=", "st"], replies: ["strict"], leavesFiles: false),
    Case(words: ["--size-policy", ""], replies: ["strict", "resize", "min"], leavesFiles: false),
    Case(words: ["--size-policy", "m"], replies: ["min"], leavesFiles: false),
    Case(words: ["--compress", "a"], replies: []),
    Case(words: ["--log-file", "/et"], replies: []),
    Case(words: ["--threads", ""], replies: [], leavesFiles: false),
    Case(words: ["--threads", "="], replies: [], leavesFiles: false),
    Case(words: ["-e", "bas"], replies: ["bash", "bashbug"]),
    Case(words: ["v"], replies: ["verify"]),
    Case(words: ["dig"], replies: ["digest"]),
    Case(words: ["-v", "dig"], replies: []),
    Case(words: ["verify", "--dr"], replies: []),
    Case(words: ["verify", "--st"], replies: ["--stats"]),
    Case(words: ["serve", "--re"], replies: ["--restrict=", "--read-only"]),
    Case(words: ["disk.img", "host", ":", "/srv"], replies: [], leavesFiles: false),
    Case(words: ["disk.img", "host", ":"], replies: [], leavesFiles: false),
    Case(words: ["./a", ":", "b"], replies: []),
    Case(words: ["disk.img", ""], replies: []),
  ]

  static let compressions = ["auto", "none"] + (1...19).map(String.init)

  @Test(.timeLimit(.minutes(1)), arguments: cases)
  func offers(test: Case) throws {
    let words = (["blkmove"] + test.words).map { "'\($0)'" }.joined(separator: " ")
    let script = """
      compopt() { [[ $1 == +o && $2 == default ]] && echo @nofiles; }
      source \(GeneratedFile.bash.path) || exit 9
      COMP_WORDS=(\(words)) COMP_CWORD=\(test.words.count)
      _blkmove
      ((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"
      """
    let result = try Project.run(["bash", "--norc", "-c", script])
    let lines = result.text.split(separator: "\n").map(String.init)
    let replies = lines.filter { !$0.hasPrefix("@") }
    if test.words.first == "-e" {
      #expect(test.replies.prefix(1).allSatisfy(replies.contains), "\(result.text)")
    } else {
      #expect(Set(replies) == Set(test.replies), "\(result.text)")
    }
    #expect(lines.contains("@nofiles") != test.leavesFiles, "\(result.text)")
  }

  @Test(.timeLimit(.minutes(1)))
  func itIsRegisteredWithoutHarm() throws {
    let script = """
      set -eu; source \(GeneratedFile.bash.path); source \(GeneratedFile.bash.path)
      complete -p blkmove; declare -F | sed 's/declare -f //'
      """
    let result = try Project.run(["bash", "--norc", "-c", script])
    #expect(result.status == 0)
    #expect(
      result.text == """
        complete -o default -F _blkmove blkmove
        _blkmove
        _blkmove_reply

        """)
  }
}
