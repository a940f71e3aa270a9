// SPDX-License-Identifier: Apache-2.0

package import Blocks
import Glibc
import Synchronization

/// What is remembered of an image between two runs: a file with a header and a record for each
/// segment, at a place that follows from the segment's number, so that zeros are holes in it.
///
/// It is changed in place. While it is open each record stands for itself, and is only there when
/// the bytes that it speaks of were on stable storage before it was written; so it may be read
/// after any interruption. It is read with pread, not mapped: a map of a file that somebody
/// truncates would end the process.
///
/// ## Concurrency
/// `record`, `entry` and `put` of different segments may come from several threads at once. The
/// header is behind its mutex.
package final class Manifest: Sendable {
  /// What is known of a segment.
  package enum Entry: Sendable {
    case zero
    case record(ManifestRecord)
    case unknown
  }

  package let path: String
  package let shape: ImageShape
  /// The key of the image.
  package let secret: Fingerprinter
  /// Of the image in this run.
  private let role: ManifestHeader.Role
  let key: String
  let descriptor: Descriptor
  /// Of this run alone.
  private let isScratch: Bool
  private let header: Mutex<ManifestHeader>
  /// The state that this run has put on stable storage.
  private let begun = Mutex<ManifestHeader.State?>(nil)

  init(
    _ descriptor: consuming Descriptor, path: String, header: ManifestHeader,
    role: ManifestHeader.Role, key: String, isScratch: Bool = false
  ) {
    self.isScratch = isScratch
    self.role = role
    self.key = key
    self.descriptor = descriptor
    self.path = path
    self.header = Mutex(header)
    shape = ImageShape(byteCount: header.identity.byteCount)
    secret = Fingerprinter(secret: header.secret)
  }

  package var currentHeader: ManifestHeader { header.withLock { $0 } }

  private static func offset(of segment: Int) -> UInt64 {
    UInt64(ManifestHeader.byteCount) + UInt64(segment) * UInt64(ManifestRecord.byteCount)
  }

  static func byteCount(for shape: ImageShape) -> UInt64 { offset(of: shape.segmentCount) }
}

// MARK: - Reading

extension Manifest {
  /// What is known of a segment. What cannot be read, or is not what was written, is not known.
  package func entry(of segment: Int) -> Entry {
    let count = ManifestRecord.byteCount
    return unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { bytes -> Entry in
      let progress = unsafe descriptor.readAll(into: bytes, at: Self.offset(of: segment))
      guard progress.failure == nil, progress.byteCount == count else { return .unknown }
      if unsafe PageHasher.isZero(UnsafeRawBufferPointer(bytes)) { return absent }
      let pageCount = shape.pageCount(inSegment: segment)
      let record = unsafe ManifestRecord(
        UnsafeRawBufferPointer(bytes), of: segment,
        groupCount: (pageCount + Geometry.pagesPerGroup - 1) / Geometry.pagesPerGroup,
        using: secret)
      return record.map { .record($0) } ?? .unknown
    }
  }

  package func record(of segment: Int) -> ManifestRecord? {
    if case .record(let record) = entry(of: segment) { return record }
    return nil
  }

  /// What it means that a segment has no record.
  private var absent: Entry {
    header.withLock { $0.state == .closed } ? .zero : .unknown
  }

  /// The first segment from `segment` on that may have a record; those before it have none.
  package func nextRecord(from segment: Int) -> Int {
    do throws(SystemError) {
      let data = try descriptor.calls.seekData(
        descriptor.number, from: Self.offset(of: segment))
      let first = Int(data - UInt64(ManifestHeader.byteCount)) / ManifestRecord.byteCount
      return min(max(first, segment), shape.segmentCount)
    } catch let error where error.number == ENXIO {
      return shape.segmentCount
    } catch {
      return segment
    }
  }

  /// How many segments have a record; looks at all of them.
  package func countRecords() -> Int {
    var count = 0
    var segment = nextRecord(from: 0)
    while segment < shape.segmentCount {
      if record(of: segment) != nil { count += 1 }
      segment = nextRecord(from: segment + 1)
    }
    return count
  }

  /// The digest of all records, read as an image of their own.
  func recordsDigest() throws(StorageError) -> Digest {
    let region = ImageShape(
      byteCount: Self.byteCount(for: shape) - UInt64(ManifestHeader.byteCount))
    let buffer = PageBuffer(byteCount: Geometry.segmentByteCount)
    var folder = TreeFolder(shape: region)
    for piece in 0..<region.segmentCount {
      let range = region.segmentRange(piece)
      let bytes = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer.bytes[..<region.segmentLength(piece)])
      let start = range.lowerBound + UInt64(ManifestHeader.byteCount)
      let data = (try? descriptor.calls.seekData(descriptor.number, from: start)) ?? UInt64.max
      if data >= start + UInt64(bytes.count) {
        folder.appendZeroSegments(1)
        continue
      }
      try unsafe descriptor.readExactly(into: bytes, at: start, of: path)
      folder.append(
        segment: unsafe SegmentDigests.hashing(UnsafeRawBufferPointer(bytes)).digest)
    }
    return folder.finish()
  }
}

// MARK: - Writing

extension Manifest {
  /// Says, on stable storage, that the image is being changed or looked at anew, and what the
  /// records are worth from now on. Once in a run, whoever comes first.
  package func begin(_ state: ManifestHeader.State) throws(StorageError) {
    try begun.withLock { (begun) throws(StorageError) in
      if begun != nil { return }
      try putHeader { header in
        header.state = state
        header.role = role
        header.key = key
      }
      begun = state
    }
  }

  /// Says, on stable storage, that records will come and go from now on without waiting for what
  /// they speak of: after an interruption they are good to compare fingerprints with, no more.
  package func beginRounds() throws(StorageError) {
    try begun.withLock { (begun) throws(StorageError) in
      if begun == .stale { return }
      try putHeader { header in
        header.state = .stale
        header.role = role
        header.key = key
      }
      begun = .stale
    }
  }

  /// Says when this run was last seen at work.
  package func touch() throws(StorageError) { try putHeader { _ in } }

  /// Ends what can be kept true no longer: nothing of it is believed again.
  package func discard() {
    if isScratch { return }
    try? descriptor.calls.truncate(descriptor.number, to: 0)
    try? descriptor.calls.unlink(path, in: AT_FDCWD)
  }

  private func putHeader(_ change: (inout ManifestHeader) -> Void) throws(StorageError) {
    let bytes = header.withLock { header -> [UInt8] in
      change(&header)
      header.nanoseconds = ImageIdentity.nowNanoseconds
      return header.encoded()
    }
    try write(bytes, at: 0)
    try synchronize()
  }

  package func put(_ record: ManifestRecord, of segment: Int) throws(StorageError) {
    let count = ManifestRecord.byteCount
    let failure = unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) {
      bytes -> StorageError? in
      unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe record.write(to: bytes, of: segment, using: secret)
      return unsafe written(UnsafeRawBufferPointer(bytes), at: Self.offset(of: segment))
    }
    if let failure { throw failure }
  }

  /// Takes the records of segments away: what is in them is not known, or will not be.
  package func forget(_ segments: Range<Int>) throws(StorageError) {
    var start = Self.offset(of: segments.lowerBound)
    let end = Self.offset(of: segments.upperBound)
    while start < end {
      // What has none already stays a hole.
      guard let data = try? descriptor.calls.seekData(descriptor.number, from: start), data < end
      else { return }
      let next = min((max(data, start) / Self.step + 1) * Self.step, end)
      try write([UInt8](repeating: 0, count: Int(next - max(data, start))), at: max(data, start))
      start = next
    }
  }

  private static let step: UInt64 = 1 << 20

  /// Returns when all that was put or forgotten is on stable storage.
  package func synchronize() throws(StorageError) {
    do throws(SystemError) {
      try descriptor.calls.synchronizeData(descriptor.number)
    } catch {
      throw .writing(path, "flush", error)
    }
  }

  /// Says that the records are those of the whole image, as it is in this state.
  package func close(
    identity: ImageIdentity, imageDigest: Digest, peer: String, name: String
  ) throws(StorageError) {
    if isScratch { return }
    try synchronize()
    guard foldedDigest() == imageDigest else {
      throw StorageError(
        .unsuitable, object: path, sentence: "does not amount to the image that it is of")
    }
    let recordsDigest = try recordsDigest()
    try putHeader { header in
      header.state = .closed
      header.role = role
      header.key = key
      header.bootIdentifier = role == .source ? Machine.bootIdentifier : ""
      header.identity = identity
      header.generation &+= 1
      header.imageDigest = imageDigest
      header.recordsDigest = recordsDigest
      header.peer = peer
      header.name = name
    }
    begun.withLock { $0 = nil }
  }

  /// The digest of the image whose segments have these records, and are zero without one. A record
  /// that was lost on the way would otherwise be taken for zeros.
  private func foldedDigest() -> Digest {
    var folder = TreeFolder(shape: shape)
    while folder.segmentCount < shape.segmentCount {
      let next = nextRecord(from: folder.segmentCount)
      folder.appendZeroSegments(next - folder.segmentCount)
      guard next < shape.segmentCount else { break }
      if let record = record(of: next) {
        folder.append(segment: SegmentDigests.segment(record.groups))
      } else {
        folder.appendZeroSegments(1)
      }
    }
    return folder.finish()
  }

  private func write(_ bytes: [UInt8], at offset: UInt64) throws(StorageError) {
    let failure = unsafe bytes.withUnsafeBytes { unsafe written($0, at: offset) }
    if let failure { throw failure }
  }

  private func written(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> StorageError? {
    let progress = unsafe descriptor.writeAll(bytes, at: offset)
    return progress.failure.map {
      .writing(path, "write", $0, at: offset, byteCount: bytes.count)
    }
  }
}
