// SPDX-License-Identifier: Apache-2.0

extension FlagTable {
  static let maximumTimeoutSeconds = 1_000_000
  static let maximumThreadCount = 256
  static let minimumIndexMemory: UInt64 = 1 << 20
  static let maximumIndexMemory: UInt64 = 1 << 40

  static let connection: [Flag] = [
    Flag(
      "rsh", "e", value: .required("COMMAND", .command), group: .connection, for: runs,
      summary: "the remote shell and its options (ssh)",
      description: """
        The command that reaches the other host, with its options: `-e 'ssh -p 2222 -i key'`. It \
        is split into words as a shell would, but never run by a shell. Without it \
        `BLKMOVE_RSH`, then `RSYNC_RSH`, then `ssh` is used.
        """,
      apply: valued { $0.remoteShell = $1 }),
    Flag(
      "remote-path", value: .required("COMMAND", .nothing), group: .connection, for: runs,
      summary: "the command at the other end (blkmove)",
      description: """
        What is run on the other host: a path, or words such as `'sudo blkmove'`.
        """,
      apply: valued { $0.remoteCommand = $1 }),
    Flag(
      "bwlimit", value: .required("RATE", .nothing), group: .connection, for: runs,
      summary: "send at most RATE, such as 10M, 1.5MB or 100Mbit",
      description: """
        Hold what crosses the wire, in each direction, to this rate, evenly. See SIZES AND RATES \
        for the units. A number without a unit counts KiB, as in rsync; 0 is no limit. \
        The value as it was understood is shown at the start.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.bandwidthLimit = try ByteAmount.rate(text)
      }),
    Flag(
      "timeout", value: .required("SECONDS", .nothing), group: .connection, for: runs,
      summary: "give the other end up after so long a silence",
      description: """
        End with status 4 when nothing has come from the other end for this many seconds. 0, the \
        default, waits for ever; what the connection itself does about a dead line is ssh's \
        business (`ServerAliveInterval`).
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        let seconds = try number(text, in: 0...maximumTimeoutSeconds)
        arguments.timeoutSeconds = seconds == 0 ? nil : seconds
      }),
  ]

  static let resources: [Flag] = [
    Flag(
      "threads", value: .required("N", .nothing), group: .resources, for: runs,
      summary: "scanning threads at each end (one a processor)",
      description: """
        How many threads read and hash at each end, from 1 to 256. 0, the default, is one \
        for each processor.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.threadCount = try number(text, in: 0...maximumThreadCount)
      }),
    Flag(
      "index-memory", value: .required("SIZE", .nothing), group: .resources, for: copies,
      summary: "memory for finding moved content (64M)",
      description: """
        How much memory the target's end may spend on knowing where it has which page, from 1M to \
        1T. With less than 32 bytes for each page of the target and its seeds it knows a sample \
        only, and finds content that moved in runs by the neighbours of what it knows.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        let size = try ByteAmount.size(text)
        guard (minimumIndexMemory...maximumIndexMemory).contains(size) else {
          throw UsageError("'\(text)' is not a size from 1M to 1T")
        }
        arguments.indexMemoryByteCount = size
      }),
  ]
}
