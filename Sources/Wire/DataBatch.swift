// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Pages of some segments with their bytes, as they travel: perhaps compressed, and not yet
/// looked into.
///
/// The bytes of the pages come first and the table of entries after them, so that the sender
/// can read pages from its image straight into the frame (`DataBatchBuilder`) before it knows
/// how many segments the batch will touch. The receiver opens it with `content`.
package struct DataBatch: Equatable, Sendable {
  package enum Packing: UInt8, CaseIterable, Sendable {
    case raw = 0
    case zstd = 1
  }

  /// Which pages of one segment are in the batch.
  package struct Entry: Equatable, Sendable {
    package static let byteCount = 8 + WireLimits.pageSetByteCount

    package var segment: Int
    package var pages: PageSet

    package init(segment: Int, pages: PageSet) {
      self.segment = segment
      self.pages = pages
    }
  }

  /// Packing, entry count (UInt16) and content byte count (UInt32).
  static let headerByteCount = 7

  package let packing: Packing
  package let entryCount: Int
  /// Of the content before compression: pages and table.
  package let contentByteCount: Int
  /// With the header.
  private let payload: [UInt8]

  init(from reader: inout PayloadReader) throws(WireError) {
    packing = try reader.choice("compression")
    entryCount = try reader.checked(
      reader.uint16("entries"), "entries", in: 1...WireLimits.entriesPerBatch)
    let tableByteCount = entryCount * Entry.byteCount
    contentByteCount = try reader.checked(
      reader.uint32("content bytes"), "content bytes",
      in: tableByteCount + 1...tableByteCount + WireLimits.dataBatchByteCount)
    let isRaw = packing == .raw
    _ = try reader.checked(
      UInt(reader.remainingByteCount), "body bytes",
      in: (isRaw ? contentByteCount : 1)...contentByteCount)
    payload = reader.wholePayload()
  }

  package static func == (one: DataBatch, other: DataBatch) -> Bool {
    one.payload == other.payload
  }

  /// The bytes of all pages, before compression.
  package var pageByteCount: Int { contentByteCount - entryCount * Entry.byteCount }

  /// Looks inside. The content of a raw batch shares its memory.
  ///
  /// Refuses pages that `shape` does not have, and byte counts that are not those of the pages.
  package func content(
    shape: ImageShape, using decompressor: Decompressor
  ) throws(WireError) -> DataBatchContent {
    let body = DataBatch.headerByteCount
    switch packing {
    case .raw:
      return try DataBatchContent(
        storage: payload, start: body, entryCount: entryCount, shape: shape)
    case .zstd:
      let content = try decompressor.content(
        of: payload, from: body, byteCount: contentByteCount)
      return try DataBatchContent(
        storage: content, start: 0, entryCount: entryCount, shape: shape)
    }
  }

  func encoded() -> [UInt8] {
    var writer = PayloadWriter(MessageType.data, payloadByteCount: payload.count)
    writer.write(contentsOf: payload)
    return writer.finish()
  }
}
