// SPDX-License-Identifier: Apache-2.0

extension ManualText {
  static let estimates = Roff.Section(
    title: "ESTIMATES",
    blocks: [
      .paragraph(
        """
        `--estimate` compares both images as a copy would, writes nothing at either end, and \
        says how much would be sent and how long that would take:
        """),
      .example([
        "would send 7.71 GiB (2,021,130 pages), 3.02 GiB after compression, and find 214 MiB at",
        "the target's end",
        "would take about 1 min 24 s at 39.1 MiB/s: 1 min 19 s to send, after comparing for 4.7 s",
      ]),
      .paragraph(
        """
        What would be sent is counted. How far it shrinks is measured on a random sample of at \
        most 256 pieces of up to 256 KiB, at the level at which a copy begins; over a slow line \
        the level rises, and less is sent. The rate is that of one connection, as it takes \
        random bytes in rounds of 64 KiB to 6 MiB; the last round counts, and none begins that \
        would not end within about a second. A lower `--bwlimit` counts in its place. The other \
        traffic of a copy is part of the comparison, whose time is that of this very run. With \
        nothing to compare with, or with `--whole`, a copy sends while it reads, so the longer \
        of both counts; \
        otherwise their sum.
        """),
      .paragraph(
        """
        Not in the estimate is what could make a copy faster: further connections (see \
        `--connections`), manifests, which an estimate does not use, what several sources have \
        in common, and images that are in memory since they were just compared. Neither is what \
        could make it slower: a target's disk, or compressing, that is slower than the line, and \
        `--verify`. Where the line is too fast to be measured, and between two images on one \
        machine, where the disk would have to be tried by writing to it, the time is said to be \
        unknown; a local copy with `--bwlimit` takes as long as that says.
        """),
    ])
}
