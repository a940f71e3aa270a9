// SPDX-License-Identifier: Apache-2.0

extension ManualText {
  static let json = Roff.Section(
    title: "JSON",
    blocks: [
      .paragraph(
        """
        With `--json` standard output carries one object a line. Its `type` says which; a reader \
        should pass over types and members that it does not know. Errors and what the other host \
        says go to standard error as well.
        """),
      .terms([
        (
          "`start`",
          """
          `operation` (copy, verify, digest), `version`, `sources`, `target`, `is_dry_run`, \
          `bandwidth_limit` in bytes a second or null.
          """
        ),
        (
          "`progress`",
          """
          About once a second: `source`, `phase` (connecting, comparing, finishing, verifying, \
          done), `elapsed_seconds`, the figures below, `sending_bytes_per_second`, \
          `scanning_bytes_per_second` and `seconds_left`, which are null while there is nothing \
          to measure.
          """
        ),
        (
          "`note`",
          "`message`; `host` when it is a line that the other host wrote to its standard error."
        ),
        (
          "`error`",
          "`message`, `hint`, `status`, and `end`: source, target, wire, remote, stream or null."
        ),
        (
          "`result`",
          """
          Always the last, and exactly one: `operation`, `status` and its `meaning`, `error` \
          (null or the first sentence), `is_dry_run`, `elapsed_seconds`, `connections` (how many \
          carried the run; 0 with both ends on one machine), the sums of the figures, and \
          `images`, one entry for each source that was begun: `source`, `target`, `status`, \
          `digest`, its figures, `passes`, `connections`, `elapsed_seconds`, and `is_verified` \
          (whether the target was read back) or, of verify, `is_equal` and `first_difference`. \
          `estimate`, of the result and of each image, is null without `--estimate`; otherwise \
          `pages` and `bytes` that would be sent, `compressed_bytes`, `found_bytes`, \
          `bytes_per_second` of the line (of one image only) and `is_limit` (it is that of \
          `--bwlimit`), `comparing_seconds`, `sending_seconds` and `seconds`, the whole. What is \
          not known is null.
          """
        ),
        (
          "`live`, `round`, `throttle`, `ready`, `pausing`, `resumed`, `paused`, `report`",
          """
          Of a live copy: that it begins (`writer`, `tracker`, `disks`); each round, 0 being the \
          first pass, with its bytes, seconds and the `forecast` of a pause; a limit of \
          `writes_per_second`; that the word is waited for; that the pause begins, with its \
          `forecast`; that it was broken off (`paused_seconds`, `reason`); the `pause` as it was, \
          with its parts and its forecast; and at the end all of it, with `broken_pauses` and, for \
          each of `disks`, `source`, `target` and `digest`.
          """
        ),
      ]),
      .paragraph(
        """
        The figures are `image_bytes`, `scanned_bytes`, `equal_bytes`, `zero_bytes`, \
        `found_bytes`, `sent_bytes`, `wanted_bytes` (known to be missing still; of a dry run \
        what would be sent), `wire_sent_bytes` and `wire_received_bytes`.
        """),
    ])

  static let environment = Roff.Section(
    title: "ENVIRONMENT",
    blocks: [
      .terms([
        ("`BLKMOVE_RSH`, `RSYNC_RSH`", "The remote shell where `-e` is not given, in this order."),
        (
          "`BLKMOVE_STATE_DIR`",
          "The directory of marks and manifests, instead of those under FILES."
        ),
        (
          "`BLKMOVE_LANES`",
          "1, 4 or 8: how many pages are hashed at once, for comparing; never needed."
        ),
        (
          "`BLKMOVE_HOOK`, `BLKMOVE_SOURCE`",
          """
          Set for the commands of a live copy: `pause`, `resume`, `switch` or `incoming`, and the \
          image that is to stand still. `--switch-cmd` gets `BLKMOVE_DISKS` instead, the number \
          of images, and each as `BLKMOVE_SOURCE_0` and so on; `--incoming-cmd` gets \
          `BLKMOVE_SOCKET`, the monitor socket that is waited for.
          """
        ),
        ("`SSH_ORIGINAL_COMMAND`", "Set by sshd; what `blkmove serve` is asked to do."),
      ])
    ])

  static let files = Roff.Section(
    title: "FILES",
    blocks: [
      .terms([
        (
          "`.NAME.blkmove-part`",
          """
          Beside a new target NAME: what has arrived of it. A further run goes on with it. With \
          `--atomic` also beside a target that exists: its clone that is being updated. A run \
          without `--atomic` leaves it alone; it may be removed when no run uses it.
          """
        ),
        (
          "`/var/lib/blkmove`, `$XDG_STATE_HOME/blkmove` or `~/.local/state/blkmove`",
          """
          What is remembered of images, by root and by other users: `unfinished-KEY`, the mark of \
          a target that is being updated, or was interrupted, which is refused as a source; and \
          `manifest-KEY`, the digests of an image with the identity that it had. Both may be \
          removed when no run uses them: the next run then reads all. `live-PID` says that a \
          live copy is under way, for `blkmove cutover`.
          """
        ),
      ])
    ])

  static let signals = Roff.Section(
    title: "SIGNALS",
    blocks: [
      .terms([
        (
          "`SIGINT`, `SIGTERM`, `SIGHUP`",
          """
          End the run with status 5. What has arrived is kept; the same command goes on from \
          there. A second one ends it at once.
          """
        ),
        ("`SIGUSR1`", "Prints one line on standard error that says how far the run is."),
        ("`SIGUSR2`", "Of a live copy with `--cutover=manual`: it is time to cut over."),
      ])
    ])

  static let security = Roff.Section(
    title: "SECURITY",
    blocks: [
      .paragraph(
        """
        The remote shell is started by its argument vector, never through a shell of this \
        machine; the path is quoted for the shell of the other. Hosts and users that begin with \
        a hyphen are refused. Neither end believes the other: every count is bounded, every page \
        is checked against its digest, and the target's end writes to the one image that it was \
        started for. The commands of a live copy are yours, and are run by `sh -c` as you wrote \
        them; what blkmove knows stands in their environment and never in their text.
        """),
      .paragraph(
        """
        `blkmove serve` lets the holder of an ssh key copy to or from certain paths and do \
        nothing else. It is the forced command of the key, in one line of \
        `~/.ssh/authorized_keys`:
        """),
      .example([
        "restrict,command=\"blkmove serve --restrict /srv/disks --write-only\" ssh-ed25519 AAAA..."
      ]),
      .paragraph(
        """
        It reads `SSH_ORIGINAL_COMMAND` as the one command that `blkmove` sends, executes \
        nothing of it, and serves only images below the directories named with `--restrict`, or \
        exactly the devices, files and exports named there; neither `..` nor a symbolic link \
        leads out. Everything else is refused with status 6, but that further connections may join \
        a run that is going on (`--connections`). `--write-only` lets images be copied to here \
        but not from here, `--read-only` the reverse. The client uses the host as always:
        """),
      .example(["blkmove disk.img backup:/srv/disks/disk.img"]),
      .paragraph(
        """
        Digests tell equal content from other content, and are computed with BLAKE2b-256 \
        throughout. They do not hide it: who may write to a target or name a seed can find out \
        whether a page that he knows is there.
        """),
    ])

  static let limits = Roff.Section(
    title: "LIMITS",
    blocks: [
      .paragraph(
        """
        An image has at most 1 EiB. A path has at most 4095 bytes and must be UTF-8. One end of \
        a run must be local. A source that is being written to is copied as it is read: changes \
        that are noticed are settled in a further pass, but a file system on it is only \
        consistent when nothing writes, or when the source is a snapshot; or see LIVE COPIES.
        """)
    ])
}
