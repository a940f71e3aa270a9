// SPDX-License-Identifier: Apache-2.0

/// What a command line asks for. A copy is what is meant when no subcommand is named; `server`,
/// `generate` and `guardian` are reached through hidden options only.
enum Subcommand: String, CaseIterable, Sendable {
  case copy, verify, digest, status, cutover, manifest, delta, apply, serve, server, generate,
    guardian

  /// The ones that are typed as a word.
  static let words: [Subcommand] = [
    .verify, .digest, .status, .cutover, .manifest, .delta, .apply, .serve,
  ]

  /// The lines of the synopsis, after the program's name.
  var usage: [String] {
    switch self {
    case .copy:
      [
        "[OPTION]... SOURCE TARGET", "[OPTION]... SOURCE... DIRECTORY",
        "[OPTION]... SOURCE - >FILE", "[OPTION]... - TARGET <FILE",
        "--live=qmp:SOCKET|libvirt:NAME [OPTION]... TARGET",
        "--live=trace|reflink|rescan [OPTION]... SOURCE TARGET",
      ]
    case .verify: ["verify [OPTION]... SOURCE TARGET"]
    case .digest: ["digest [OPTION]... IMAGE..."]
    case .status: ["status [OPTION]... IMAGE..."]
    case .cutover: ["cutover [PROCESS]"]
    case .manifest: ["manifest [OPTION]... IMAGE >MANIFEST"]
    case .delta: ["delta [OPTION]... MANIFEST IMAGE >DELTA"]
    case .apply: ["apply [OPTION]... TARGET <DELTA"]
    case .serve: ["serve --restrict PATH... [--read-only|--write-only]"]
    case .server, .generate, .guardian: []
    }
  }

  var summary: String {
    switch self {
    case .copy: "make TARGET equal to SOURCE, sending only what it lacks"
    case .verify: "compare two images and change neither"
    case .digest: "print the 32-byte name of each image"
    case .status: "tell what is remembered of each image of this machine"
    case .cutover: "tell a live copy with --cutover=manual that it is time"
    case .manifest: "write the manifest of an image to standard output"
    case .delta: "write what an image with MANIFEST lacks of IMAGE (- is standard input)"
    case .apply: "carry out a delta, from standard input, on TARGET"
    case .serve: "be the forced command of an ssh key, for these paths only"
    case .server: "be the other end of a run"
    case .generate: "print a generated file"
    case .guardian: "undo what a live move did if it dies"
    }
  }

  /// How messages name it.
  var displayed: String {
    switch self {
    case .copy: "a copy"
    case .verify, .digest, .status, .cutover, .manifest, .delta, .apply, .serve:
      "'\(Program.name) \(rawValue)'"
    case .server: "'--server'"
    case .generate: "'--generate'"
    case .guardian: "'--guardian'"
    }
  }
}
