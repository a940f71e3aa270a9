// SPDX-License-Identifier: Apache-2.0

import Storage
import Wire

extension FlagTable {
  static let copying: [Flag] = [
    Flag(
      "dry-run", "n", group: .copying, for: writers,
      summary: "tell what would be sent, change nothing",
      description: """
        Compare as always and tell how much is equal, could be found at the target's end and would \
        be sent, but write nothing. It costs what the comparison costs: both images are read.
        """,
      apply: toggle { $0.isDryRun = $1 }),
    Flag(
      "estimate", group: .copying, for: copies,
      summary: "tell what would be sent and how long it would take",
      description: """
        A dry run (see `--dry-run`) that measures as well: a random sample of what would be sent \
        is compressed as a copy would begin to, and a probe of random bytes, at most 8 MiB or \
        what passes in about a second, shows how fast one connection is. From these and the time \
        that comparing took it tells how much would cross the line and how long a copy would \
        take. See ESTIMATES. What could not be measured is not guessed.
        """,
      apply: toggle { (arguments, isOn) in
        arguments.isEstimate = isOn
        arguments.isDryRun = isOn
      }),
    Flag(
      "whole", "W", isNegatable: true, group: .copying, for: copies,
      summary: "send everything that is not zero without asking",
      description: """
        Compare nothing: send all content that is not zero, without reading the target first. It \
        pays when the target is known to hold nothing of use and reading it is slower than the \
        link. A target that is new and empty is noticed by itself and does not need it.
        """,
      apply: toggle { $0.isWhole = $1 }),
    Flag(
      "sparse", "S", isNegatable: true, group: .copying, for: copies,
      summary: "make zeros holes at the target (the default)",
      description: """
        Where the source holds zeros, leave or punch holes in a target file, also where the \
        file has zeros already that take space, and let a target device zero its blocks itself. \
        This is the default; `--no-sparse` writes the zeros of a file out, so that its space is \
        allocated. Space that was reserved and never written stays reserved either way.
        """,
      apply: toggle { $0.keepsSparse = $1 }),
    Flag(
      "compress", "z",
      value: .optional("LEVEL", .choices(["auto", "none"] + (1...19).map(String.init))),
      isNegatable: true, group: .copying, for: [.copy, .delta],
      summary: "compress on the wire: auto (the default), none, 1..19",
      description: """
        How page data is compressed with zstd on its way. `auto`, the default, lets the level \
        follow the measured link; `none` (also `--no-compress`) sends it raw; a number from 1 to \
        19 is a level. At every level, data that does not shrink goes raw. The value is written \
        after `=` only, also in `-z=none`; `-z` alone means `auto`.
        """
    ) { (typed, arguments) throws(UsageError) in
      arguments.compression = try compression(typed)
    },
    Flag(
      "seed", value: .required("PATH", .file), isRepeatable: true, group: .copying,
      for: [.copy, .server],
      summary: "another image at the target's end, or a directory of them, to reuse pages of",
      description: """
        A further image, at the target's end, whose pages may be reused instead of being sent: \
        last week's copy, or another machine's disk with the same system on it. It is read, never \
        written. A directory stands for the images in it: the 128 newest of its regular files and \
        block devices, also behind symbolic links, without those whose names begin with a dot. May \
        be given several times. A file that was copied there \
        or from there before is remembered; as long as it has not changed it is not read to find \
        out what is in it, unless much is missing all the same.
        """,
      apply: valued { $0.seeds.append($1) }),
    Flag(
      "size-policy", value: .required("POLICY", .choices(SizePolicy.allCases.map(\.rawValue))),
      group: .copying, for: pairs,
      summary: "when sizes differ: strict, resize (the default), min",
      description: """
        What happens when source and target differ in size. `resize`, the default, gives a target \
        file the source's size; a target device must be large enough, and what lies beyond the \
        source's size is left as it is. `strict` refuses images of unequal size. `min` \
        looks only at what both have.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.sizePolicy = try choice(text, as: SizePolicy.self)
      }),
    Flag(
      "verify", isNegatable: true, group: .copying, for: writers,
      summary: "read the target back from its medium before saying done",
      description: """
        After the copy, read the target back past the page cache and compare its digest with the \
        source's. Without it a run ends when both ends agree on the digest of what was read and \
        written; with it, on what the medium gives back.
        """,
      apply: toggle { $0.verifiesTarget = $1 }),
    Flag(
      "atomic", isNegatable: true, group: .copying, for: writers,
      summary: "replace a target file as a whole when the copy is complete",
      description: """
        Do not change a target file that exists, but a clone of it (`FICLONE`), which takes its \
        place when it is complete and on stable storage. Until then, and whatever happens, the \
        old version stays whole, and whoever has it open goes on to read it. The clone shares \
        what does not change with the old version and takes no time to make; its name is \
        `.NAME.blkmove-part`, and an interrupted run goes on with it. Owner, permissions and \
        extended attributes stay what they were; other hard links keep the old version. It needs \
        a file system that can clone files (XFS, btrfs); elsewhere, and for a device, it is \
        refused with status 6 before anything is changed. A target that does not exist yet \
        needs no clone: it never has its name before it is complete.
        """,
      apply: toggle { $0.isAtomic = $1 }),
  ]

  static let safety: [Flag] = [
    Flag(
      "force", "f", group: .safety, for: runs,
      summary: "go on over locks and unfinished images",
      description: """
        Go on although another program holds a lock on a file, the file backs a loop device, or \
        the source is marked as the unfinished target of an earlier run. It never overrides a \
        target device that is mounted, used as swap or held by something else.
        """,
      apply: toggle { $0.isForced = $1 })
  ]

  static let maximumCompressionLevel = 19

  private static func compression(_ typed: Flag.Typed) throws(UsageError) -> Compression {
    switch typed {
    case .bare, .value("auto"): return .automatic
    case .negated, .value("none"): return .none
    case .value(let text):
      guard
        text.unicodeScalars.allSatisfy({ ("0"..."9").contains($0) }),
        let level = Int(text), (1...maximumCompressionLevel).contains(level)
      else {
        throw UsageError("'\(text)' is not auto, none or a level from 1 to 19")
      }
      return .level(level)
    }
  }
}
