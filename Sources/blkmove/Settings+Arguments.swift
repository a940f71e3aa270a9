// SPDX-License-Identifier: Apache-2.0

import Transfer
import Wire

extension Settings {
  /// The settings of a run, from what was typed and, where it was not, from the environment.
  init(_ arguments: Arguments, environment: [String: String]) throws(UsageError) {
    self.init()
    isDryRun = arguments.isDryRun
    isEstimate = arguments.isEstimate
    isWhole = arguments.isWhole
    keepsSparse = arguments.keepsSparse
    compression = arguments.compression
    connections = arguments.connections
    bandwidthLimit = arguments.bandwidthLimit
    timeoutSeconds = arguments.timeoutSeconds
    if let count = arguments.retryCount { retryCount = count }
    verifiesTarget = arguments.verifiesTarget && !arguments.isDryRun
    sizePolicy = arguments.sizePolicy
    isForced = arguments.isForced
    isAtomic = arguments.isAtomic
    manifest = arguments.manifest
    readsSource = arguments.readsSource
    isParanoid = arguments.isParanoid
    trustsTarget = arguments.trustsTarget
    if let count = arguments.spotCheckCount { spotCheckCount = count }
    threadCount = arguments.threadCount
    if let memory = arguments.indexMemoryByteCount { indexMemoryByteCount = memory }
    seeds = try arguments.seeds.map(Self.checkedSeed)
    if let shell = Self.remoteShell(arguments, environment) {
      remoteShell = try Self.words(of: shell.value, from: shell.name)
    }
    if let command = arguments.remoteCommand {
      remoteCommand = try Self.words(of: command, from: "option '--remote-path'")
    }
  }

  /// The first of `-e`, `BLKMOVE_RSH` and `RSYNC_RSH` that says something.
  private static func remoteShell(
    _ arguments: Arguments, _ environment: [String: String]
  ) -> (name: String, value: String)? {
    if let typed = arguments.remoteShell { return ("option '--rsh'", typed) }
    for name in ["BLKMOVE_RSH", "RSYNC_RSH"] {
      if let value = environment[name], !value.isEmpty { return (name, value) }
    }
    return nil
  }

  private static func words(of text: String, from name: String) throws(UsageError) -> [String] {
    let words: [String]
    do {
      words = try ShellWords.split(text, name: name)
    } catch {
      throw UsageError(error.description)
    }
    guard let command = words.first, !command.isEmpty else {
      throw UsageError("\(name): '\(text)' names no command")
    }
    if command.hasPrefix("-") {
      throw UsageError("\(name): '\(command)' is an option, not a command")
    }
    return words
  }

  /// A seed lies at the target's end, wherever that is: a host before it is a misunderstanding.
  private static func checkedSeed(_ seed: String) throws(UsageError) -> String {
    if let colon = seed.firstIndex(of: ":"), !seed[..<colon].contains("/") {
      throw UsageError(
        "option '--seed': '\(seed)' names a host, but a seed is a path at the target's end",
        hint: "write the path alone, or ./\(seed) for a name with a colon in it")
    }
    return seed
  }
}
