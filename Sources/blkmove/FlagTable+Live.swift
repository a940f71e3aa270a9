// SPDX-License-Identifier: Apache-2.0

import Live

extension FlagTable {
  static let live: [Flag] = [
    Flag(
      "live",
      value: .required("METHOD", .choices(["qmp:", "libvirt:", "trace", "reflink", "rescan"])),
      group: .live, for: copies,
      summary: "copy what is in use: qmp:SOCKET, libvirt:NAME, trace, reflink, rescan",
      description: """
        Copy images that somebody writes to, in rounds over what was written meanwhile, until a \
        short pause of the writer is enough for the rest. `qmp:SOCKET` takes all writable disks of \
        the virtual machine with this monitor socket, `libvirt:NAME` those of a domain, through \
        virsh; there is no SOURCE then. `trace` learns from the kernel what is written to a \
        device, \
        `reflink` by comparing clones of a file on XFS (on btrfs it rescans), and `rescan` reads \
        all again in every round, also in the pause; these three need `--pause-cmd` and \
        `--resume-cmd`. See LIVE COPIES.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        guard let method = LiveMethod(text) else {
          throw UsageError(
            "'\(text)' is not one of qmp:SOCKET, libvirt:NAME, trace, reflink, rescan")
        }
        arguments.liveMethod = method
      }),
    Flag(
      "max-pause", value: .required("TIME", .nothing), group: .live, for: copies,
      summary: "how long the pause may be: 3s (the default), 500ms",
      description: """
        How long the writer may stand still. The pause is predicted after every round; it begins \
        when the prediction fits, and is broken off when it takes more than twice as long and a \
        second. In seconds, or with the unit `ms`, `s` or `m`.
        """,
      apply: liveValue("--max-pause") { (arguments, text) throws(UsageError) in
        arguments.live.maximumPauseSeconds = try seconds(text)
      }),
    Flag(
      "max-rounds", value: .required("COUNT", .nothing), group: .live, for: copies,
      summary: "give up after so many rounds (30)",
      description: """
        After so many rounds in which no pause would have been short enough, end with status 7. \
        Nothing was paused then.
        """,
      apply: liveValue("--max-rounds") { (arguments, text) throws(UsageError) in
        arguments.live.maximumRoundCount = try number(text, in: 1...1_000_000)
      }),
    Flag(
      "throttle", value: .required("auto|off|IOPS", .choices(["auto", "off"])), group: .live,
      for: copies,
      summary:
        "slow the writer down when it must be (auto), never (off), or to IOPS writes a second",
      description: """
        What happens when the rounds do not get shorter. `auto`, the default, limits how often a \
        virtual machine writes, lower and lower, and gives it back its own limits at the end, \
        whatever happens; `off` ends with status 7; a number is a limit from the first round on. \
        Only a machine of QEMU can be slowed down.
        """,
      apply: liveValue("--throttle") { (arguments, text) throws(UsageError) in
        switch text {
        case "auto": arguments.live.throttle = .automatic
        case "off": arguments.live.throttle = .off
        default: arguments.live.throttle = .writesPerSecond(try number(text, in: 1...10_000_000))
        }
      }),
    Flag(
      "cutover", value: .required("WHEN", .choices(LiveSettings.Cutover.allCases.map(\.rawValue))),
      group: .live, for: copies,
      summary: "when to pause: auto (the default), manual",
      description: """
        `auto` pauses as soon as the pause is short enough. `manual` goes on in rounds until \
        `blkmove cutover`, or SIGUSR2, says that it is time.
        """,
      apply: liveValue("--cutover") { (arguments, text) throws(UsageError) in
        arguments.live.cutover = try choice(text, as: LiveSettings.Cutover.self)
      }),
    Flag(
      "after", value: .required("WHAT", .choices(LiveSettings.After.allCases.map(\.rawValue))),
      group: .live, for: copies,
      summary: "what the writer does when the copy is complete: resume, stop, quit",
      description: """
        What becomes of the writer here when the targets are complete and verified. `resume` lets \
        it go on, and is the default; with `--switch-cmd` the default is `stop`, which leaves it \
        paused, since it runs elsewhere now. `quit` ends a virtual machine.
        """,
      apply: liveValue("--after") { (arguments, text) throws(UsageError) in
        arguments.after = try choice(text, as: LiveSettings.After.self)
      }),
    Flag(
      "pause-cmd", value: .required("COMMAND", .command), group: .live, for: copies,
      summary: "what pauses the writer: fsfreeze -f /srv/db",
      description: """
        The command that makes the writer stand still; when it has ended with status 0, what was \
        acknowledged must be in the image and nothing may be written any more. It is run by \
        `sh -c`, with BLKMOVE_HOOK and BLKMOVE_SOURCE in its environment. If it fails, or takes \
        too long, `--resume-cmd` is run and the copy ends.
        """,
      apply: liveValue("--pause-cmd") { (arguments, text) throws(UsageError) in
        arguments.live.pauseCommand = text
      }),
    Flag(
      "resume-cmd", value: .required("COMMAND", .command), group: .live, for: copies,
      summary: "what lets the writer go on: fsfreeze -u /srv/db",
      description: """
        The command that undoes `--pause-cmd`. It is run at the end, and whenever something \
        fails; by a guardian process if blkmove is killed.
        """,
      apply: liveValue("--resume-cmd") { (arguments, text) throws(UsageError) in
        arguments.live.resumeCommand = text
      }),
    Flag(
      "switch-cmd", value: .required("COMMAND", .command), group: .live, for: copies,
      summary: "what starts the writer at the other end",
      description: """
        A command that is run, by `sh -c`, while the writer still stands still and when the \
        targets are complete and verified: it may start the machine at the other end. If it \
        fails, the writer goes on here.
        """,
      apply: liveValue("--switch-cmd") { $0.live.switchCommand = $1 }),
    Flag(
      "with-memory", value: .required("qmp:SOCKET", .choices(["qmp:"])), group: .live,
      for: copies,
      summary: "take memory and devices along, to the QEMU with this monitor at the target",
      description: """
        Move the memory and the devices of the machine as well, so that it goes on at the target \
        without a restart. SOCKET is the monitor socket, on the target's host, of a QEMU that is \
        started there like the machine here, with the target images (raw) as its disks and with \
        `-incoming defer`. `--incoming-cmd` starts it when the images are there. The machine here \
        is left as it is after its migration (`--after=stop`), or ended (`--after=quit`). Only \
        with `--live=qmp:SOCKET`.
        """,
      apply: liveValue("--with-memory") { (arguments, text) throws(UsageError) in
        guard text.hasPrefix("qmp:"), text.count > 4 else {
          throw UsageError("'\(text)' is not qmp:SOCKET")
        }
        arguments.live.memorySocket = String(text.dropFirst(4))
      }),
    Flag(
      "incoming-cmd", value: .required("COMMAND", .command), group: .live, for: copies,
      summary: "what starts the machine that waits for the memory",
      description: """
        A command that is run here, by `sh -c`, after the first rounds, when the target images \
        are there: it starts the machine of `--with-memory` at the target, as in \
        `ssh host start-vm1`, and ends when that is started. BLKMOVE_SOCKET is its monitor's socket.
        """,
      apply: liveValue("--incoming-cmd") { $0.live.incomingCommand = $1 }),
    Flag(
      "hook-timeout", value: .required("TIME", .nothing), group: .live, for: copies,
      summary: "how long each of these commands may take (30s)",
      description: "A command that takes longer is ended, and has failed.",
      apply: liveValue("--hook-timeout") { (arguments, text) throws(UsageError) in
        arguments.live.hookTimeoutSeconds = try seconds(text)
      }),
    Flag(
      "swap", value: .required("WHEN", .choices(LiveSettings.Swap.allCases.map(\.rawValue))),
      group: .live, for: copies,
      summary: "swap areas: include (the default), or late, sent once in the pause",
      description: """
        `late` leaves out the swap areas that are found in the images (a whole disk, or a \
        partition) until the pause, and sends them once. It pays for a machine that swaps \
        much and has little there.
        """,
      apply: liveValue("--swap") { (arguments, text) throws(UsageError) in
        arguments.live.swap = try choice(text, as: LiveSettings.Swap.self)
      }),
  ]

  /// An option with a value that only a live copy has use for.
  private static func liveValue(
    _ name: String,
    _ set: @escaping @Sendable (inout Arguments, String) throws(UsageError) -> Void
  ) -> Flag.Apply {
    valued { (arguments, text) throws(UsageError) in
      arguments.liveOptions.append(name)
      try set(&arguments, text)
    }
  }

  /// `3`, `3s`, `500ms`, `2m`.
  static func seconds(_ text: String) throws(UsageError) -> Double {
    let digits = text.prefix { ("0"..."9").contains($0) }
    let factors: [String: Double] = ["": 1, "s": 1, "ms": 0.001, "m": 60]
    guard let factor = factors[String(text.dropFirst(digits.count))], let number = Int(digits),
      (1...3_600_000).contains(number), Double(number) * factor <= 3600
    else {
      throw UsageError("'\(text)' is not a time like 3s, 500ms or 2m, up to an hour")
    }
    return Double(number) * factor
  }
}
