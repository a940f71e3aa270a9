// SPDX-License-Identifier: Apache-2.0

import Transfer

/// What the manual page explains beside the options.
enum ManualText {
  static let before = [description, examples]

  static var after: [Roff.Section] {
    [
      amounts, estimates, exports, live, pipes, output, ManualText.json, exitStatus, environment,
      files, signals, security, limits, seeAlso,
    ]
  }

  private static let description = Roff.Section(
    title: "DESCRIPTION",
    blocks: [
      .paragraph(
        """
        `blkmove` makes TARGET, a disk image file or a block device, equal to SOURCE, and sends \
        only what the target's end lacks. Both ends read their images at once and compare them \
        by digests of 4 KiB pages under a tree; what is equal is left alone, what is zero \
        becomes a hole, what the target's end holds somewhere else (further on in the target, or \
        in a seed) is copied there, and only the rest crosses the wire.
        """),
      .paragraph(
        """
        SOURCE and TARGET are a `path`, `[user@]host:path` or `ssh://[user@]host[:port]/path`. \
        One of them may be remote; it is reached through `ssh`(1), and `blkmove` must be \
        installed there. A colon after a slash belongs to a path, so `./a:b` is a local file. An \
        IPv6 address stands in brackets: `[fe80::1]:disk.img`. In an `ssh://` path, `%` begins \
        two hexadecimal digits. A remote path that does not begin with a slash, or begins with \
        `~/`, is taken from the home directory. A path may also be the address of an export, as \
        under EXPORTS.
        """),
      .paragraph(
        """
        Either end may be a regular file or a block device. A target that is a directory takes \
        the source's name. Several sources need a directory as their target and are copied one \
        after the other.
        """),
      .paragraph(
        """
        A target file that exists is updated in place (but see `--atomic`); a new one grows under \
        a temporary name and gets its own when it is complete. What is interrupted is never taken \
        for complete, and running the same command again does not send again what has arrived. \
        Every page is checked against its digest before it is written; the run is done, and says \
        so by exit status 0, when the data is on stable storage and both ends agree on the digest \
        of the whole image.
        """),
      .paragraph(
        """
        `blkmove verify` compares two images and changes neither; it exits with 0 when they are \
        equal and with 3 when they differ. `blkmove digest` prints the digest of each image, 64 \
        hexadecimal digits, and its name. Equal images have equal digests, wherever they are. \
        `blkmove serve` is described under SECURITY. A file that is called like a subcommand is \
        written as `./verify`.
        """),
      .paragraph(
        """
        `blkmove manifest`, `delta` and `apply` are described under PIPES, `--live` and \
        `blkmove cutover` under LIVE COPIES.
        """),
    ])

  private static let examples = Roff.Section(
    title: "EXAMPLES",
    blocks: [
      .terms([
        ("Push an image into a directory of another host", "`blkmove disk.img backup:/srv/disks/`"),
        ("Pull a logical volume into a file", "`blkmove host:/dev/vg/web web.img`"),
        (
          "Device to device, as root at the other end",
          "`blkmove --remote-path 'sudo blkmove' /dev/vg/web host:/dev/vg/web`"
        ),
        ("Two local images", "`blkmove a.img b.img`"),
        (
          "A disk in qcow2, by the server that knows the format (see EXPORTS)",
          "`blkmove 'nbd+unix:///?socket=/run/web.sock' backup:/srv/disks/web.img`"
        ),
        ("What would be sent?", "`blkmove -n disk.img backup:/srv/disks/`"),
        ("And how long would it take?", "`blkmove --estimate disk.img backup:/srv/disks/`"),
        (
          "A new machine whose system is like that of one that is there already",
          "`blkmove --seed /srv/disks/web1.img web2.img backup:/srv/disks/`"
        ),
        (
          "Through a jump host, not faster than 20 Mbit/s",
          "`blkmove -e 'ssh -J gate' --bwlimit 20Mbit disk.img host:disk.img`"
        ),
        (
          "Carry what has changed over a line of one's own",
          "`ssh host blkmove manifest /dev/vg/web | blkmove delta - web.img | "
            + "ssh host blkmove apply /dev/vg/web`"
        ),
        (
          "All disks of a running virtual machine, which then starts at the other host",
          "`blkmove --live=qmp:/run/web1.qmp host:/srv/disks/ --switch-cmd 'ssh host start-web1'`"
        ),
        ("Are they equal?", "`blkmove verify disk.img backup:/srv/disks/disk.img`"),
      ])
    ])

  private static let amounts = Roff.Section(
    title: "SIZES AND RATES",
    blocks: [
      .paragraph(
        "A size is a number, perhaps with a fraction, and a unit right after it: `64M`, `1.5GiB`."),
      .terms([
        ("`K`, `M`, `G`, `T`, `P` (also `KiB`, `MiB`, ...)", "count by 1024."),
        ("`kB`, `MB`, `GB`, `TB`, `PB`", "count by 1000."),
        ("`B`", "is bytes, as is a size without a unit."),
      ]),
      .paragraph(
        """
        A rate is the same a second, and may end in `/s`. It may also be given in bits: `kbit`, \
        `Mbit`, `Gbit` count by 1000, so `100Mbit` is 12,500,000 bytes a second. A rate without \
        a unit is in KiB a second, as in rsync. The first letter may be small or large; `Mb`, \
        which could mean either, is refused. The least rate is 1 KiB a second; 0 is no limit. \
        What a limit was understood as is shown at the start of the run.
        """),
    ])

  private static let output = Roff.Section(
    title: "OUTPUT",
    blocks: [
      .paragraph(
        """
        The closing lines are like rsync's: bytes that crossed the wire in each direction, with \
        all that surrounds the data; the size of the image and the speedup, which is that size \
        divided by those bytes; and where the content came from: `equal`, what the target had \
        already in its place; `zero`, what is zero at the source; `found`, what was copied at \
        the target's end; `sent`, content that was sent, before compression. With both ends on \
        one machine there is no wire, and what was written is counted in its stead.
        """),
      .paragraph(
        """
        Progress shows how much of the image is scanned, these same four, the content still \
        known to be missing, the rate of sending (or, while nothing is sent, of reading) over \
        the last seconds, and the time left at that pace, as soon as there is something to \
        measure.
        """),
    ])

  private static var exitStatus: Roff.Section {
    Roff.Section(
      title: "EXIT STATUS",
      blocks: [.terms(ExitStatus.allCases.map { ("`\($0.rawValue)`", "\($0.meaning).") })])
  }

  private static let seeAlso = Roff.Section(
    title: "SEE ALSO",
    blocks: [.paragraph("`rsync`(1), `ssh`(1), `sshd`(8), `qemu-nbd`(8), `nbdkit`(1), `b2sum`(1)")]
  )
}
