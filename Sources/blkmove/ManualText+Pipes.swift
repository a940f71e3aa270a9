// SPDX-License-Identifier: Apache-2.0

extension ManualText {
  static let pipes = Roff.Section(
    title: "PIPES",
    blocks: [
      .paragraph(
        """
        `blkmove manifest` writes the digests of an image, at most 0.05 % of its size, to standard \
        output. `blkmove delta` reads such a manifest, from a file or with `-` from standard \
        input, and writes what an image with that manifest lacks of IMAGE. `blkmove apply` \
        reads a delta from standard input and carries it out on TARGET, in place or, with \
        `--atomic`, on a clone that replaces it. All images are local; to work elsewhere, run the \
        piece there.
        """),
      .example([
        "blkmove manifest web.img >web.man",
        "blkmove delta web.man web-new.img >web.delta",
        "blkmove apply web.img <web.delta",
      ]),
      .paragraph(
        """
        `apply` writes nothing before it knows that TARGET is what the delta was made against, and \
        otherwise refuses with status 6, unless TARGET is the result already: then nothing is \
        written, and that is success. Run again after an interruption, with the same delta, it \
        goes on. A stream that is truncated, padded, repeated or altered ends in status 4: \
        a file before anything is written, a pipe at the first record that is not as it was \
        written. A terminal is refused as a place for a stream.
        """),
      .paragraph(
        """
        A delta is in units of 64 KiB without their zero pages, and does not recognise what has \
        moved to another place: for that both ends must speak with each other, as in a copy. An \
        image that changes while its delta is made is an error; take a snapshot.
        """),
      .paragraph(
        """
        A TARGET of `-` is standard output: the bytes of the image in their order, zeros written \
        out. The digest of what was written is compared with the source's at the end. What has \
        been written cannot be taken back, so only exit status 0 says that it is the image.
        """),
      .example(["blkmove host:disk.img - | zstd >disk.img.zst"]),
      .paragraph(
        """
        A SOURCE of `-` is standard input, of whatever length. Nothing of it is kept elsewhere: \
        each mebibyte is compared with what the target has in its place, and what differs is \
        sent and written. A new target grows under its temporary name; a target that exists is \
        changed in place, and a file gets the length of the stream at its end. A stream that \
        ends early because its producer died looks like one that is complete: use \
        `set -o pipefail`, and look at the status of the whole pipe. An empty stream is refused \
        with status 6, unless `--force` is given.
        """),
      .example(["set -o pipefail; zstd -dc disk.img.zst | blkmove - host:disk.img"]),
    ])
}
