// SPDX-License-Identifier: Apache-2.0

/// The image that a run makes equal to its source, whatever kind of thing it is. `TargetImage` is a
/// file or a device of this machine.
///
/// The order of a run is: writes in any order, `synchronize`, `complete`; or `abandon` at any
/// moment. What `synchronize` did not confirm is not there.
///
/// ## Concurrency
/// What reads and what changes different ranges may be called from several threads at once.
/// `complete` and `abandon` come last, from one thread, when all other calls have returned.
package protocol CopyTarget: ReadableImage {
  /// What has a fixed size is a device: it may be larger than its source.
  var kind: ImageKind { get }
  /// It did not exist before.
  var isNew: Bool { get }
  /// Nothing but zeros is in it yet, so there is nothing to scan.
  var startsZero: Bool { get }
  /// An earlier run was interrupted while it wrote here.
  var wasUnfinished: Bool { get }
  /// What the user should know, as far as it has come up.
  var notes: [String] { get }
  /// How much is there now: of a file its length, of a device how much it has room for.
  var currentByteCount: UInt64 { get }
  /// How much `write` took since it was opened.
  var writtenByteCount: Int { get }

  @unsafe func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)
  /// Makes the range read as zeros, whatever that takes.
  func zero(_ range: Range<UInt64>) throws(StorageError)
  /// Gives back the space of a range that was just read and is zero, where that can be done.
  func dig(_ zeros: Range<UInt64>)
  /// Says, before the first change and where that can be said, that it is not what it was.
  func markUnfinished() throws(StorageError)
  /// Returns when all that was written is on stable storage.
  func synchronize() throws(StorageError)
  /// Lets it begin to bring to the disk what was collected; may take as long as that takes.
  func startWriteback()
  /// Of several threads that write at once all but one would wait.
  var isWrittenInTurns: Bool { get }
  /// Fills the buffer with what is on the medium, as far as the medium can be asked. Only after
  /// `synchronize`, and before `complete`.
  @unsafe func readPastCache(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  /// Says where an image ends whose end was not known when it was opened.
  func end(at byteCount: UInt64)
  /// Makes the image what it is to be; `remember` gets the identity that it has then, if it has
  /// one that lasts.
  func complete(remember: ((ImageIdentity) -> Void)?) throws(StorageError)
  /// Leaves what is there for a rerun.
  func abandon()

  /// What is remembered of it between two runs.
  func findManifest(_ place: ManifestPlace) -> Manifest.Finding
  /// Whether nobody has written to it for long after the run that `manifest` speaks of.
  func isRemembered(by manifest: Manifest) -> Bool
  /// In what unit blocks can be shared; nil where they cannot.
  var clonableUnit: Int? { get }
  /// Shares the blocks of another image instead of writing; false where that is not possible.
  func clone(_ range: Range<UInt64>, from source: any ReadableImage, at offset: UInt64)
    throws(StorageError) -> Bool
}

extension CopyTarget {
  package func complete() throws(StorageError) { try complete(remember: nil) }
}

/// What only a file can do; of the rest nothing is remembered.
extension CopyTarget {
  package func dig(_ zeros: Range<UInt64>) {}
  package func startWriteback() {}
  package var isWrittenInTurns: Bool { false }
  package func end(at byteCount: UInt64) {}
  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    Manifest.Finding(manifest: nil, standing: .new)
  }
  package func isRemembered(by manifest: Manifest) -> Bool { false }
  package var clonableUnit: Int? { nil }
  package func clone(
    _ range: Range<UInt64>, from source: any ReadableImage, at offset: UInt64
  ) throws(StorageError) -> Bool { false }
}
