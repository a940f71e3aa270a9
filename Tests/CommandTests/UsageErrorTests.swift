// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import blkmove

/// What is said of command lines that make no sense: every one ends in a sentence, a hint
/// and status 2.
@Suite struct UsageErrorTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var words: [String]
    var sentence: String
    var hint: String

    init(_ line: String, _ sentence: String, _ hint: String = "try 'blkmove --help'") {
      self.init(line.split(separator: " ").map(String.init), sentence, hint)
    }

    init(_ words: [String], _ sentence: String, _ hint: String = "try 'blkmove --help'") {
      self.words = words
      self.sentence = sentence
      self.hint = hint
    }

    var testDescription: String { words.joined(separator: " ") }
  }

  static let parsing: [Case] = [
    Case("--frobnicate a b", "unknown option '--frobnicate'"),
    Case("--comress a b", "unknown option '--comress'; did you mean '--compress'?"),
    Case("--sapres a b", "unknown option '--sapres'; did you mean '--sparse'?"),
    Case("--no-sparce a b", "unknown option '--no-sparce'; did you mean '--no-sparse'?"),
    Case("--serve target", "unknown option '--serve'; did you mean 'blkmove serve'?"),
    Case("--=x", "unknown option '--'"),
    Case("-x a b", "unknown option '-x'"),
    Case("-nx a b", "unknown option '-x' in '-nx'"),
    Case("-z9 a b", "unknown option '-9' in '-z9'", "a value is written as --compress=9"),
    Case("-P3 a b", "unknown option '-3' in '-P3'", "a value is written as --progress=3"),
    Case(
      "-av a b", "unknown option '-a' in '-av'",
      "there is nothing to archive: an image is copied as bytes; leave it out"),
    Case(
      "--inplace a b", "unknown option '--inplace'",
      "a target that exists is updated in place; leave it out"),
    Case(
      "--s",
      "option '--s' is ambiguous: '--sparse', '--seed', '--size-policy', '--spot-checks', "
        + "'--switch-cmd', '--swap', '--stats'"),
    Case(
      "--live=nbd:x a b",
      "option '--live': 'nbd:x' is not one of qmp:SOCKET, libvirt:NAME, trace, "
        + "reflink, rescan"),
    Case(
      "--max-pause=soon a b",
      "option '--max-pause': 'soon' is not a time like 3s, 500ms or 2m, "
        + "up to an hour"),
    Case(
      "--live=qmp:a --with-memory=/run/b h:c",
      "option '--with-memory': '/run/b' is not qmp:SOCKET"),
    Case("--ver", "option '--ver' is ambiguous: '--verify', '--verbose', '--version'"),
    Case("--dry-run=yes a b", "option '--dry-run' takes no value"),
    Case("--no-sparse=yes a b", "option '--no-sparse' takes no value"),
    Case("a b --seed", "option '--seed' needs a value"),
    Case("a b -e", "option '-e' needs a value"),
    Case("a b --seed=", "option '--seed': the value is empty"),
    Case(["-e", "", "a", "b"], "option '-e': the value is empty"),
    Case(
      "--compress=20 a b", "option '--compress': '20' is not auto, none or a level from 1 to 19"),
    Case("--compress=0 a b", "option '--compress': '0' is not auto, none or a level from 1 to 19"),
    Case("--compress= a b", "option '--compress': '' is not auto, none or a level from 1 to 19"),
    Case("-z=+1 a b", "option '-z': '+1' is not auto, none or a level from 1 to 19"),
    Case(
      "--size-policy=strickt a b",
      "option '--size-policy': 'strickt' is not one of strict, resize, min;"
        + " did you mean 'strict'?"),
    Case("--threads=-1 a b", "option '--threads': '-1' is not a whole number from 0 to 256"),
    Case("--threads=257 a b", "option '--threads': '257' is not a whole number from 0 to 256"),
    Case(
      "--threads=99999999999999999999 a b",
      "option '--threads': '99999999999999999999' is not a whole number from 0 to 256"),
    Case("--timeout 1s a b", "option '--timeout': '1s' is not a whole number from 0 to 1000000"),
    Case(
      "--timeout 1000001", "option '--timeout': '1000001' is not a whole number from 0 to 1000000"),
    Case("--progress=x", "option '--progress': 'x' is not a whole number from 0 to 1048575"),
    Case(
      "--progress=1048576", "option '--progress': '1048576' is not a whole number from 0 to 1048575"
    ),
    Case("--index-memory 1023K", "option '--index-memory': '1023K' is not a size from 1M to 1T"),
    Case("--index-memory 2T", "option '--index-memory': '2T' is not a size from 1M to 1T"),
    Case("--bwlimit -1", "option '--bwlimit': '-1' is negative"),
    Case("--restrict /a b", "option '--restrict' does not belong to a copy but to 'blkmove serve'"),
    Case(
      "verify -n a b",
      "option '-n' does not belong to 'blkmove verify' but to a copy, 'blkmove apply'"),
    Case(
      "verify --seed s a b", "option '--seed' does not belong to 'blkmove verify' but to a copy"),
    Case(
      "digest --stats a",
      "option '--stats' does not belong to 'blkmove digest' but to a copy, 'blkmove verify'"),
    Case(
      "serve --restrict /a -v",
      "option '-v' does not belong to 'blkmove serve' but to a copy, 'blkmove verify',"
        + " 'blkmove digest', 'blkmove manifest', 'blkmove delta', 'blkmove apply'"
    ),
    Case(
      "--server target -n -- p",
      "option '-n' does not belong to '--server' but to a copy, 'blkmove apply'"),
    Case(
      "manifest --json a",
      "option '--json' does not belong to 'blkmove manifest' but to a copy,"
        + " 'blkmove verify', 'blkmove digest', 'blkmove status', 'blkmove apply'"),
    Case(
      "--server nobody -- p",
      "option '--server': 'nobody' is not one of source, target, join, relay"),
    Case("--connections 0 a b", "option '--connections': '0' is not a whole number from 1 to 16"),
    Case("--connections=17 a b", "option '--connections': '17' is not a whole number from 1 to 16"),
    Case(
      "verify --connections=2 a b",
      "option '--connections' does not belong to 'blkmove verify' but to a copy"),
  ]

  @Test(arguments: parsing)
  func parsingEndsInASentence(test: Case) {
    #expect(throws: UsageError(test.sentence, hint: test.hint)) {
      try ArgumentParser.parse(test.words)
    }
  }

  static let meaning: [Case] = [
    Case("", "no source and no target"),
    Case("a", "no target for 'a'"),
    Case("-- verify", "no target for 'verify'"),
    Case(
      "h:a g:b", "'h:a' and 'g:b' are both remote; one end must be local",
      "run blkmove on one of the two hosts"),
    Case(
      "--live=qmp:vm --pause-cmd halt a",
      "option '--pause-cmd' does not go with '--live=qmp:vm': the machine is paused by itself"),
    Case(
      "--live=libvirt:web --resume-cmd go a",
      "option '--resume-cmd' does not go with '--live=libvirt:web': the machine is resumed by "
        + "itself"),
    Case(
      "--live=trace --throttle 50 a b",
      "option '--throttle' does not go with '--live=trace': only a machine can be slowed down"),
    Case(
      "--live=rescan --after quit a b",
      "option '--after=quit' does not go with '--live=rescan': only a machine can be ended"),
    Case("a b c", "several sources need a directory as their target, and 'c' is none"),
    Case(
      "verfy a b", "several sources need a directory as their target, and 'b' is none",
      "did you mean 'blkmove verify'?"),
    Case(
      "x/a h:y/a dir", "'x/a' and 'h:y/a' would both become 'a'",
      "copy them one by one, each to a name of its own"),
    Case("--atomic a -", "option '--atomic': a stream takes no file's place"),
    Case("verify a", "'blkmove verify' compares two images, not 1"),
    Case("verify a b c", "'blkmove verify' compares two images, not 3"),
    Case(
      "verify h:a h:b", "'h:a' and 'h:b' are both remote; one end must be local",
      "run blkmove on one of the two hosts"),
    Case("digest", "no image to digest"),
    Case("serve", "'blkmove serve' needs '--restrict PATH'"),
    Case("serve /a", "'blkmove serve' needs '--restrict PATH'"),
    Case(
      "serve --restrict /a --read-only --write-only",
      "'--read-only' and '--write-only' together leave nothing to serve"),
    Case(["serve", "--restrict", "/a", ""], "option '--restrict': a path is empty"),
    Case("--server target", "'--server' takes a role and one path"),
    Case("--server target -- a b", "'--server' takes a role and one path"),
    Case("--generate man x", "'--generate' takes no operands"),
    Case(
      "--seed h:/s a b",
      "option '--seed': 'h:/s' names a host, but a seed is a path at the target's end",
      "write the path alone, or ./h:/s for a name with a colon in it"),
    Case(
      "--seed s - h:b",
      "option '--seed': a stream is compared only with what the target has in its place"),
    Case(
      "--seed s h:b -", "option '--seed': all of an image is sent to a stream"),
    Case(
      "-W - h:b",
      "option '--whole': a stream is always compared with what the target has in its place"),
    Case("--estimate - h:b", "a stream leaves nothing to estimate"),
    Case(["-e", " ", "a", "b"], "option '--rsh': ' ' names no command"),
    Case(["-e", "-x", "a", "b"], "option '--rsh': '-x' is an option, not a command"),
    Case(["--remote-path", "''", "a", "b"], "option '--remote-path': '''' names no command"),
    Case(
      ["-e", "ssh 'x", "a", "b"],
      "option '--rsh': a single quote that is not closed, it opens at byte 5"),
  ]

  @Test(arguments: meaning)
  func meaningEndsInASentence(test: Case) throws {
    let arguments = try ArgumentParser.parse(test.words)
    #expect(throws: CommandError(UsageError(test.sentence, hint: test.hint))) {
      try Invocation(arguments, environment: [:]) { $0 == "dir" }
    }
  }
}
