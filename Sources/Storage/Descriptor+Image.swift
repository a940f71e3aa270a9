// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reading an image through a descriptor: all of it, or an error that says exactly where.
extension Descriptor {
  /// A page is what the kernel reads at least; a sector is what a disk can fail to read.
  private static let refinements = [4096, 512]

  @unsafe func readExactly(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64, of name: String
  ) throws(StorageError) {
    let progress = unsafe readAll(into: bytes, at: offset)
    if progress.byteCount == bytes.count { return }
    let position = offset + UInt64(progress.byteCount)
    guard let failure = progress.failure else {
      throw StorageError(
        .shrank, object: name, operation: "read", offset: position,
        byteCount: bytes.count - progress.byteCount,
        sentence: "the image ends here: it became smaller during the run")
    }
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[progress.byteCount...])
    let bad =
      failure.number == EIO
      ? unsafe firstUnreadable(in: rest, at: position) : position..<position + UInt64(rest.count)
    throw StorageError.reading(name, failure, bad)
  }

  /// Narrows a failed read down to the first page, and in it the first sector, that fails when
  /// it is asked for alone.
  @unsafe private func firstUnreadable(
    in bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) -> Range<UInt64> {
    var suspect = offset..<offset + UInt64(bytes.count)
    for step in Self.refinements.map(UInt64.init) {
      var start = suspect.lowerBound
      while start < suspect.upperBound {
        let end = min((start / step + 1) * step, suspect.upperBound)
        let piece = unsafe UnsafeMutableRawBufferPointer(
          rebasing: bytes[Int(start - offset)..<Int(end - offset)])
        if unsafe readAll(into: piece, at: start).failure != nil {
          suspect = start..<end
          break
        }
        start = end
      }
    }
    return suspect
  }

  /// The extent at `offset`, as far as `limit`. File systems that know nothing of holes have
  /// one extent of data.
  func extent(at offset: UInt64, limit: UInt64, of name: String) throws(StorageError) -> Extent {
    do throws(SystemError) {
      let data = try calls.seekData(number, from: offset)
      if data > offset { return Extent(range: offset..<min(data, limit), isHole: true) }
      let hole = try calls.seekHole(number, from: offset)
      return Extent(range: offset..<max(offset + 1, min(hole, limit)), isHole: false)
    } catch let error where error.number == ENXIO {
      return try lastHole(at: offset, limit: limit, of: name)
    } catch {
      return Extent(range: offset..<limit, isHole: false)
    }
  }

  /// ENXIO means no data from here to the end, and the end must not have come nearer.
  private func lastHole(at offset: UInt64, limit: UInt64, of name: String) throws(StorageError)
    -> Extent
  {
    if UInt64(try status(of: name).st_size) < limit {
      throw StorageError(
        .shrank, object: name, operation: "look for holes", offset: offset,
        sentence: "the image became smaller during the run")
    }
    return Extent(range: offset..<limit, isHole: true)
  }
}

extension StorageError {
  static func reading(_ name: String, _ error: SystemError, _ range: Range<UInt64>)
    -> StorageError
  {
    let hint: String? =
      switch error.number {
      case EIO:
        "the medium cannot be read there; see the kernel's log (dmesg), "
          + "or copy it with ddrescue first"
      case ENXIO, ENODEV: "the device went away"
      case ESTALE: "the file was replaced on its server; run it again"
      default: nil
      }
    return StorageError(
      .system(error.number), object: name, operation: "read", offset: range.lowerBound,
      byteCount: range.count, hint: hint)
  }

  /// A range that the image does not have: never a crash, since a peer may have chosen it.
  static func requireInside(
    _ byteCount: UInt64, _ offset: UInt64, count: UInt64, of name: String, _ operation: String
  ) throws(StorageError) {
    if offset > byteCount || count > byteCount - offset {
      throw StorageError(
        .outside, object: name, operation: operation, offset: offset,
        byteCount: Int(clamping: count),
        sentence: "is outside of the image, which has \(ByteText.amount(byteCount))")
    }
  }
}
