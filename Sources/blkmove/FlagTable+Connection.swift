// SPDX-License-Identifier: Apache-2.0

import Transfer

extension FlagTable {
  static let maximumTimeoutSeconds = 1_000_000
  static let maximumThreadCount = 256
  static let minimumIndexMemory: UInt64 = 1 << 20
  static let maximumIndexMemory: UInt64 = 1 << 40

  static let connection: [Flag] = [
    Flag(
      "connections", value: .required("N", .choices(["auto"] + (1...16).map(String.init))),
      group: .connection, for: copies,
      summary: "spread a copy over N connections: auto (the default), 1..16",
      description: """
        Over how many connections of the remote shell a copy goes. One connection of ssh has about \
        2 MiB on the way, so that at a round trip of 50 ms it carries no more than some 32 MB/s, \
        whatever the link is capable of. `auto`, the default, begins with one, and opens others, \
        two at a time and up to 8 in all, when the round trip is long, much is left to send, the \
        rate is near what one connection allows, and the rate grows by it. A number is opened \
        from the beginning.

        Further connections carry page data only. They are started like the first one, but never \
        ask for a password: they need a key, an agent, or whatever else lets `ssh -o \
        BatchMode=yes` in; connection sharing (ControlMaster) is not used for them, because it \
        would make them one again. Where the other end lets no more in (see MaxStartups in \
        `sshd_config`(5)), the run goes on with those that it has; `-v` tells. What is lost with \
        a further connection is sent again over the others.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        if text == "auto" {
          arguments.connections = .automatic
        } else {
          arguments.connections = .exactly(try number(text, in: 1...Connections.mostCount))
        }
      }),
    Flag(
      "rsh", "e", value: .required("COMMAND", .command), group: .connection, for: distant,
      summary: "the remote shell and its options (ssh)",
      description: """
        The command that reaches the other host, with its options: `-e 'ssh -p 2222 -i key'`. It \
        is split into words as a shell would, but never run by a shell. Without it \
        `BLKMOVE_RSH`, then `RSYNC_RSH`, then `ssh` is used.
        """,
      apply: valued { $0.remoteShell = $1 }),
    Flag(
      "remote-path", value: .required("COMMAND", .nothing), group: .connection, for: distant,
      summary: "the command at the other end (blkmove)",
      description: """
        What is run on the other host: a path, or words such as `'sudo blkmove'`.
        """,
      apply: valued { $0.remoteCommand = $1 }),
    Flag(
      "bwlimit", value: .required("RATE", .nothing), group: .connection, for: distant,
      summary: "send at most RATE, such as 10M, 1.5MB or 100Mbit",
      description: """
        Hold what crosses the wire, in each direction and over all connections together, to this \
        rate, evenly. See SIZES AND RATES \
        for the units. A number without a unit counts KiB, as in rsync; 0 is no limit. \
        The value as it was understood is shown at the start.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.bandwidthLimit = try ByteAmount.rate(text)
      }),
    Flag(
      "timeout", value: .required("SECONDS", .nothing), group: .connection, for: distant,
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
    Flag(
      "retry", value: .required("N", .nothing), group: .connection, for: copies,
      summary: "make a lost connection again, up to N times in a row",
      description: """
        When the connection is lost, or cannot be made, wait and go on over a new one: after 1, 2, \
        4 and so on up to 60 seconds, and at most N times in a row (0, the default, to 1000) \
        without anything having crossed the wire. What has arrived is not sent again. Use \
        it with `--timeout`, or `ServerAliveInterval` of ssh, so that a dead line is noticed; and \
        set `ClientAliveInterval` of sshd at the other end, since the target stays locked until \
        sshd notices as well.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.retryCount = try number(text, in: 0...1000)
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
