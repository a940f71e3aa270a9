// SPDX-License-Identifier: Apache-2.0

import Storage

extension FlagTable {
  static let remembering: [Flag] = [
    Flag(
      "manifest", value: .optional("FILE", .file), isNegatable: true, group: .remembering,
      for: accountants.union([.status]),
      summary: "where this end remembers its image between two runs",
      description: """
        Each end keeps a manifest of its image: the digests of its parts, with the identity of the \
        image that they are of. With it, a target that nobody else has written to is not read at \
        the next run, and of a source only what has changed is hashed. They are kept in the state \
        directory (see FILES); `--manifest=FILE` names another file for this end. `--no-manifest` \
        keeps none at either end.
        """
    ) { (typed, arguments) throws(UsageError) in
      switch typed {
      case .bare: arguments.manifest = .byKey
      case .negated: arguments.manifest = .none
      case .value(let path):
        if path.isEmpty { throw UsageError("the value is empty") }
        arguments.manifest = .path(path)
      }
    },
    Flag(
      "checksum", "c", isNegatable: true, group: .remembering, for: [.copy, .manifest, .delta],
      summary: "read the source even where it is proved unchanged",
      description: """
        Read the whole source although its times, size and inode are those that its manifest was \
        made for. It protects against programs that set a file's times back, and against disks \
        that forget.
        """,
      apply: toggle { $0.readsSource = $1 }),
    Flag(
      "paranoid", isNegatable: true, group: .remembering, for: accountants,
      summary: "read and hash everything at both ends",
      description: """
        Believe no manifest: both images are read and hashed as at the first time, and the \
        manifests are made anew from that. Without it, parts of an image that is read again keep \
        their digest when a fingerprint of 128 bits (XXH3 with a secret of that manifest) is the \
        same, which somebody who knows the secret could forge.
        """,
      apply: toggle { $0.isParanoid = $1 }),
    Flag(
      "trust-target", isNegatable: true, group: .remembering, for: writers,
      summary: "nobody but blkmove writes to the target device",
      description: """
        A file shows by its times that somebody wrote to it, a device does not. With this option \
        the manifest of a target device is believed, and the device is not read. If somebody else \
        did write to it, that is noticed only by chance (see `--spot-checks`).
        """,
      apply: toggle { $0.trustsTarget = $1 }),
    Flag(
      "spot-checks", value: .required("N", .nothing), group: .remembering, for: writers,
      summary: "groups of a trusted target that are read all the same (64)",
      description: """
        Before a target's manifest is trusted, read this many of its groups of 64 KiB, chosen at \
        random, from 0 to 65535. If one is not what the manifest says, the manifest is not \
        trusted, a warning says so, and the target is read as a whole.
        """,
      apply: valued { (arguments, text) throws(UsageError) in
        arguments.spotCheckCount = try number(text, in: 0...Int(UInt16.max))
      }),
  ]
}
