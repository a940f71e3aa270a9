// SPDX-License-Identifier: Apache-2.0

/// What a command line asks for. A copy is what is meant when no subcommand is named; `server` and
/// `generate` are reached through hidden options only.
enum Subcommand: String, CaseIterable, Sendable {
  case copy, verify, digest, serve, server, generate

  /// The ones that are typed as a word.
  static let words: [Subcommand] = [.verify, .digest, .serve]

  /// The lines of the synopsis, after the program's name.
  var usage: [String] {
    switch self {
    case .copy: ["[OPTION]... SOURCE TARGET", "[OPTION]... SOURCE... DIRECTORY"]
    case .verify: ["verify [OPTION]... SOURCE TARGET"]
    case .digest: ["digest [OPTION]... IMAGE..."]
    case .serve: ["serve --restrict PATH... [--read-only|--write-only]"]
    case .server, .generate: []
    }
  }

  var summary: String {
    switch self {
    case .copy: "make TARGET equal to SOURCE, sending only what it lacks"
    case .verify: "compare two images and change neither"
    case .digest: "print the 32-byte name of each image"
    case .serve: "be the forced command of an ssh key, for these paths only"
    case .server: "be the other end of a run"
    case .generate: "print a generated file"
    }
  }

  /// How messages name it.
  var displayed: String {
    switch self {
    case .copy: "a copy"
    case .verify, .digest, .serve: "'\(Program.name) \(rawValue)'"
    case .server: "'--server'"
    case .generate: "'--generate'"
    }
  }
}
