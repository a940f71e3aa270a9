// SPDX-License-Identifier: Apache-2.0

/// An image whose bytes can be read: the loops of Transfer never ask what kind of thing it is.
///
/// ## Concurrency
/// `read` and `extent` may be called from several threads at once.
package protocol ReadableImage: AnyObject, Sendable {
  /// How much of the image takes part in the run.
  var byteCount: UInt64 { get }
  /// As the user wrote it.
  var name: String { get }
  /// Fills the whole buffer, or throws with the first offset that could not be read.
  @unsafe func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  /// The extent that begins at `offset` and ends at or before `byteCount`; `offset` must be
  /// below `byteCount`.
  func extent(at offset: UInt64) throws(StorageError) -> Extent
}
