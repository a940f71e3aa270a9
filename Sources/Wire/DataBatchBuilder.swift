// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Collects pages into the frame of one data message after another.
///
/// The caller reads each page once, straight into the place from where it will be sent: a raw
/// frame that is at least half full is never copied again. Memory: one frame, and a second
/// while one is compressed; the frames that it gives away are no larger than twice what is in
/// them, so that a queue of small ones stays small.
package struct DataBatchBuilder: Sendable {
  private let shape: ImageShape
  /// Frame header, batch header and pages; the table is appended by `finish`.
  private var bytes: [UInt8] = []
  /// What has been collected so far.
  package private(set) var entries: [DataBatch.Entry] = []

  private static let pagesStart = WireLimits.frameHeaderByteCount + DataBatch.headerByteCount

  package init(shape: ImageShape) {
    self.shape = shape
  }

  package var isEmpty: Bool { entries.isEmpty }

  /// The bytes of the pages collected so far.
  package var pageByteCount: Int { isEmpty ? 0 : bytes.count - DataBatchBuilder.pagesStart }

  /// The first of `pages` that still find room: all of them, or as many as fit. An empty
  /// builder has room for any segment.
  package func fitting(_ pages: PageSet, of segment: Int) -> PageSet {
    if entries.count >= WireLimits.entriesPerBatch { return PageSet() }
    let room = WireLimits.dataBatchByteCount - pageByteCount
    if shape.byteCount(of: pages, inSegment: segment) <= room { return pages }
    var result = PageSet()
    for page in pages.prefix(room / Geometry.pageByteCount) { result[page] = true }
    return result
  }

  /// Adds pages that fit. `read` is lent the room for their bytes, one page after the other
  /// without gaps, and fills all of it or throws; then nothing is added.
  package mutating func append<Failure: Error>(
    _ pages: PageSet, of segment: Int,
    read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) {
    let byteCount = shape.byteCount(of: pages, inSegment: segment)
    precondition(
      !pages.isEmpty && entries.count < WireLimits.entriesPerBatch
        && pageByteCount + byteCount <= WireLimits.dataBatchByteCount, "pages that do not fit")
    if isEmpty { start() }
    try bytes.append(addingCapacity: byteCount) { span throws(Failure) in
      unsafe try span.withUnsafeMutableBufferPointer { room, count throws(Failure) in
        unsafe try read(UnsafeMutableRawBufferPointer(room))
        count = byteCount
      }
    }
    entries.append(DataBatch.Entry(segment: segment, pages: pages))
  }

  /// The frame to send, compressed when there is a level and it is worth it. The builder is
  /// empty afterwards.
  package mutating func finish(_ compressor: Compressor, level: Int?) -> [UInt8] {
    precondition(!isEmpty, "a batch without pages")
    for entry in entries { DataBatchBuilder.write(entry, to: &bytes) }
    let entryCount = entries.count
    entries.removeAll(keepingCapacity: true)
    let contentByteCount = bytes.count - DataBatchBuilder.pagesStart
    var frame: [UInt8] = []
    if let level {
      frame.reserveCapacity(bytes.count)
      frame.append(contentsOf: repeatElement(0, count: DataBatchBuilder.pagesStart))
      let start = DataBatchBuilder.pagesStart
      if compressor.append(bytes, from: start, level: level, to: &frame) {
        bytes.removeAll(keepingCapacity: true)
        DataBatchBuilder.writeHeader(.zstd, entryCount, contentByteCount, into: &frame)
        return frame.capacity <= 2 * frame.count ? frame : DataBatchBuilder.copy(of: frame)
      }
    }
    DataBatchBuilder.writeHeader(.raw, entryCount, contentByteCount, into: &bytes)
    if bytes.capacity > 2 * bytes.count { return DataBatchBuilder.copy(of: bytes) }
    swap(&frame, &bytes)
    bytes = []
    return frame
  }

  /// With no room for more. An array that is made from another would share its memory.
  private static func copy(of bytes: [UInt8]) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe Array($0) }
  }

  private mutating func start() {
    bytes.removeAll(keepingCapacity: true)
    bytes.reserveCapacity(
      DataBatchBuilder.pagesStart + WireLimits.batchContentByteCount)
    bytes.append(contentsOf: repeatElement(0, count: DataBatchBuilder.pagesStart))
  }

  private static func write(_ entry: DataBatch.Entry, to bytes: inout [UInt8]) {
    PayloadWriter.append(UInt64(entry.segment), to: &bytes)
    for index in 0..<4 { PayloadWriter.append(entry.pages.words[index], to: &bytes) }
  }

  private static func writeHeader(
    _ packing: DataBatch.Packing, _ entryCount: Int, _ contentByteCount: Int,
    into frame: inout [UInt8]
  ) {
    var header: [UInt8] = []
    PayloadWriter.append(packing.rawValue, to: &header)
    PayloadWriter.append(UInt16(entryCount), to: &header)
    PayloadWriter.append(UInt32(contentByteCount), to: &header)
    let start = WireLimits.frameHeaderByteCount
    for index in header.indices { frame[start + index] = header[index] }
    PayloadWriter.writeHeader(MessageType.data, into: &frame)
  }
}
