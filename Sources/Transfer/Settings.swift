// SPDX-License-Identifier: Apache-2.0

package import Storage
package import Wire

/// What a run is asked to do, with every option resolved: what was typed is the
/// command's business, what it means is this type's.
package struct Settings: Sendable {
  /// `-n`: tell what would be sent and change nothing.
  package var isDryRun = false
  /// `--estimate`: a dry run that measures what a run would take.
  package var isEstimate = false
  /// `-W`: ask nothing, send everything that is not zero.
  package var isWhole = false
  /// `-S` (the default) or `--no-sparse`: whether zeros become holes at the target.
  package var keepsSparse = true
  package var compression = Compression.automatic
  /// Bytes a second over the wire; nil is unlimited.
  package var bandwidthLimit: UInt64?
  /// `--connections`: over how many connections a copy may go.
  package var connections = Connections.automatic
  /// `-e`: the remote shell and its arguments.
  package var remoteShell = ["ssh"]
  /// `--remote-path`: the command at the other end, already split into words.
  package var remoteCommand = ["blkmove"]
  /// Seconds without a byte from the other end before it is given up; nil is for ever.
  package var timeoutSeconds: Int?
  /// `--verify`: read the target back past the page cache before saying done.
  package var verifiesTarget = false
  package var sizePolicy = SizePolicy.resize
  package var isForced = false
  /// `--atomic`: replace a target file that exists as a whole, by a clone of it that was updated.
  package var isAtomic = false
  /// Of a live copy: a new target file has its name and length from the beginning, because a
  /// machine that waits for its memory has it open.
  package var appearsAtOnce = false
  /// Scanning threads at each end; 0 is one for each processor.
  package var threadCount = 0
  package var indexMemoryByteCount: UInt64 = 64 << 20
  /// Further images at the target's end whose pages may be reused.
  package var seeds: [String] = []
  /// Images that this run has made at the target's end: seeds as well, where they may be read.
  package var siblings: [String] = []
  /// Where this end keeps what it remembers of its image; the other end has its own place.
  package var manifest = ManifestPlace.byKey
  /// `-c`: read the source even where it is proved to be unchanged.
  package var readsSource = false
  /// `--paranoid`: hash all, at both ends.
  package var isParanoid = false
  /// `--trust-target`: only runs of blkmove write to the target device.
  package var trustsTarget = false
  package var spotCheckCount = 64
  /// `--retry`: how often in a row a lost connection is made again.
  package var retryCount = 0

  package init() {}
}
