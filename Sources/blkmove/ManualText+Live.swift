// SPDX-License-Identifier: Apache-2.0

extension ManualText {
  static let live = Roff.Section(
    title: "LIVE COPIES",
    blocks: [
      .paragraph(
        """
        With `--live` a disk is copied while somebody writes to it. After an ordinary copy \
        follow rounds over what was written meanwhile, each shorter than the one before, until a \
        pause of the writer of at most `--max-pause` is enough for the rest. In the pause the \
        rest is sent, the target reads back from its disk what it wrote then, and the digests of \
        both images are compared; only when they are equal the target gets its name, \
        `--switch-cmd` is run, and the writer is left as `--after` says. If anything fails the \
        writer goes on.
        """),
      .example([
        "blkmove --live=qmp:/run/web1.qmp host:/srv/disks/",
        "blkmove --live=libvirt:web1 host:/srv/disks/ --switch-cmd 'ssh host start-web1'",
        "blkmove --live=trace /dev/vg/db host:/dev/vg/db --pause-cmd 'fsfreeze -f /srv/db' \\",
        "    --resume-cmd 'fsfreeze -u /srv/db'",
      ]),
      .paragraph(
        """
        The source is on this machine, the target anywhere. All writable disks of a virtual \
        machine are moved in one pause; several need a directory. Their targets are raw images, \
        whatever the source's format. A QMP socket serves one client: give QEMU one for blkmove \
        alone, or let virsh be used (`libvirt:NAME`; LIBVIRT_DEFAULT_URI says which libvirt). Do \
        not restart a guest with a qcow2 disk that has an iothread during its move: QEMU 7.2 may \
        die of it. Through libvirt such a disk is refused.
        """),
      .paragraph(
        """
        `trace` is for disks, partitions and linear logical volumes, takes root, and does not see \
        what other hosts write. `reflink` is for files on XFS and btrfs; for as long as it lasts \
        they take the space of what is written in a round as well. `--swap=late` leaves swap areas \
        of whole disks and of partitions out until the pause.
        """),
      .heading("With its memory"),
      .paragraph(
        """
        With `--with-memory` the machine goes on at the target without a restart. A QEMU that is \
        started there like the one here, with the targets as its raw disks and `-incoming defer`, \
        takes memory and devices over the same remote shell; `--incoming-cmd` starts it when the \
        targets are there, which have their own names from the beginning. What fails before that \
        QEMU has everything leaves the machine running here. From then on it is never resumed \
        here, not even when `--switch-cmd` fails. The last part of the memory is sent behind the \
        disks, and counts as switching, which is not predicted.
        """),
      .example([
        "blkmove --live=qmp:/run/web1.qmp host:/srv/web1.img --with-memory=qmp:/run/web1.qmp \\",
        "    --incoming-cmd 'ssh host start-web1-incoming'",
      ]),
      .heading("The pause"),
      .paragraph(
        """
        It is predicted after every round, with its parts: pausing the writer, asking what was \
        written last, sending that, flushing it at the target and reading it back, finishing \
        with the target's name. It begins when the prediction fits and gets no shorter; with \
        `--cutover=manual` not before `blkmove cutover` or SIGUSR2. `blkmove cutover` finds the \
        copy by itself when there is one; otherwise it takes the number of the process. A last \
        round that takes longer than twice `--max-pause` and a second is broken off, and the \
        writer goes on; after the third time the copy ends with status 7. It ends with \
        status 7, too, and without any pause, when the rounds do not get short enough, and \
        slowing down the machine is not possible or not allowed (`--throttle`).
        """),
      .heading("The commands"),
      .paragraph(
        """
        They are run by `sh -c` with an empty standard input; their output is shown. \
        `--pause-cmd` succeeds when all that was acknowledged can be read from the image and \
        nothing more is written. `--resume-cmd` is run at the end and whenever something fails, \
        perhaps more than once. When `--switch-cmd` fails the writer goes on here, so it must \
        not fail after it has started another one. See ENVIRONMENT.
        """),
      .heading("The guardian"),
      .paragraph(
        """
        A second process, started before anything is done to the writer, is told how to undo \
        each thing before it is done. When blkmove dies, or is not heard of for `--max-pause` (2 \
        seconds at least) while the writer stands still, the guardian ends it, resumes the \
        writer, and takes away limits, bitmaps and exports. What it cannot undo at once it says, \
        and tries for an hour; until it has ended no other live copy begins. What both left when \
        both were killed, the next run removes, but it does not resume a machine that was left \
        paused.
        """),
      .heading("What is not promised"),
      .paragraph(
        """
        The target is as after a power cut, unless the guest was frozen or its memory was moved \
        too. That everything was read which was written rests on what QEMU or the kernel \
        tells (with `rescan` on nothing); `--after=stop` and then `blkmove verify` compare all of \
        it. A target is changed in place or new, and after an \
        interruption the same command goes on, reading the target again. Options that do not go \
        with `--live` are `--dry-run`, `--estimate`, `--verify`, `--atomic`, `--retry` and \
        `--size-policy=min`.
        """),
    ])
}
