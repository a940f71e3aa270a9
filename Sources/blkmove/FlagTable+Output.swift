// SPDX-License-Identifier: Apache-2.0

import Transfer

extension FlagTable {
  static let maximumDescriptor = 1_048_575

  static let output: [Flag] = [
    Flag(
      "verbose", "v", isRepeatable: true, group: .output, for: runs,
      summary: "say more",
      description: """
        Say what is being done as it begins: the ends as they were understood, the limits that \
        hold, the passes that were needed.
        """,
      apply: toggle { (arguments, _) in
        arguments.verbosity += 1
        arguments.isQuiet = false
      }),
    Flag(
      "quiet", "q", group: .output, for: runs,
      summary: "say nothing but errors",
      description: """
        Print errors only, and what the other host says on its standard error: no progress, no \
        notes, no closing lines. With `--json` only the progress objects are left out. The last of \
        `-q` and `-v` counts.
        """,
      apply: toggle { (arguments, _) in
        arguments.isQuiet = true
        arguments.verbosity = 0
      }),
    Flag(
      "progress", "P", value: .optional("FD", .nothing), isNegatable: true, group: .output,
      for: runs,
      summary: "show progress even when stderr is no terminal",
      description: """
        Progress is one line on standard error, redrawn about five times a second, when that is a \
        terminal. With this option it is shown in any case, elsewhere as one line a second. With \
        `--progress=FD` those lines go to that open descriptor instead. `--no-progress` turns it \
        off.
        """
    ) { (typed, arguments) throws(UsageError) in
      switch typed {
      case .bare: arguments.progress = .on
      case .negated: arguments.progress = .off
      case .value(let text):
        arguments.progress = .descriptor(Int32(try number(text, in: 0...maximumDescriptor)))
      }
    },
    Flag(
      "stats", group: .output, for: pairs,
      summary: "print a table of figures at the end",
      description: """
        At the end print every figure of the run, one a line, exact.
        """,
      apply: toggle { (arguments, isOn) in arguments.showsStatistics = isOn }),
    Flag(
      "json", group: .output, for: distant.union([.status, .apply]),
      summary: "print one JSON object a line instead of text",
      description: """
        Print one JSON object a line on standard output: `start`, `progress`, `note`, `error`, and \
        at the very end exactly one `result`, whatever happens. See JSON.
        """,
      apply: toggle { (arguments, isOn) in arguments.isJSON = isOn }),
    Flag(
      "log-file", value: .required("FILE", .file), group: .output, for: runs,
      summary: "append what happens to FILE, with times",
      description: """
        Append to this file, each line with its time: what was started, notes, errors, and the \
        closing lines, whatever `-q` says.
        """,
      apply: valued { $0.logFile = $1 }),
    Flag(
      "help", "h", group: .output, for: everywhere,
      summary: "print this help",
      description: "Print the options, those of the subcommand where one is named.",
      apply: toggle { (arguments, isOn) in arguments.wantsHelp = isOn }),
    Flag(
      "version", "V", group: .output, for: everywhere,
      summary: "print the version",
      description: "Print the name and the version.",
      apply: toggle { (arguments, isOn) in arguments.wantsVersion = isOn }),
  ]

  static let serving: [Flag] = [
    Flag(
      "restrict", value: .required("PATH", .file), isRepeatable: true, group: .serving,
      for: [.serve],
      summary: "a directory or device that may be served",
      description: """
        A directory, whose images may be served, or one image, device or export. Further paths \
        may follow as operands, or the option may be repeated. At least one is needed.
        """,
      apply: valued { $0.restrictions.append($1) }),
    Flag(
      "read-only", group: .serving, for: [.serve],
      summary: "serve as the source only",
      description: "Let clients copy from here, but not to here.",
      apply: toggle { $0.isReadOnly = $1 }),
    Flag(
      "write-only", group: .serving, for: [.serve],
      summary: "serve as the target only",
      description: "Let clients copy to here, but not from here.",
      apply: toggle { $0.isWriteOnly = $1 }),
  ]

  static let hidden: [Flag] = [
    Flag(
      "server", value: .required("ROLE", .choices(ServerRole.allCases.map(\.rawValue))),
      group: .hidden, for: [.server],
      summary: "be the other end of a run", description: "",
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.serverRole = try choice(text, as: ServerRole.self)
      }),
    Flag(
      "sibling", value: .required("IMAGE", .file), isRepeatable: true,
      group: .hidden, for: [.server],
      summary: "an image that the same run has made", description: "",
      apply: valued { $0.siblings.append($1) }),
    Flag(
      "generate",
      value: .required("FILE", .choices(GeneratedFile.allCases.map(\.rawValue))),
      group: .hidden, for: [.generate],
      summary: "print a generated file", description: "",
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.generated = try choice(text, as: GeneratedFile.self)
      }),
    Flag(
      "guardian", value: .required("PROCESS", .nothing), group: .hidden, for: [.guardian],
      summary: "undo what a live move did if it dies", description: "",
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.guarded = Int32(try number(text, in: 2...Int(Int32.max)))
      }),
  ]
}
