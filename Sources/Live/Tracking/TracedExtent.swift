// SPDX-License-Identifier: Apache-2.0

import Glibc
import Storage
package import Transfer

/// A part of an image, and where it lies on a disk whose requests the kernel traces.
///
/// The kernel tells of whole disks. A partition is a part of one, and so are the pieces of a
/// logical volume, as long as they are linear. What else is put together of disks cannot be traced
/// in this way.
package struct TracedExtent: Equatable, Sendable {
  /// As the kernel numbers devices inside.
  package var device: UInt32
  package var firstSector: UInt64
  package var sectorCount: UInt64
  /// Where in the image it begins.
  package var imageOffset: UInt64

  static let sectorByteCount: UInt64 = 512

  /// Which bytes of the image a write has touched; nil when none.
  func range(of write: TracePage.Write) -> Range<UInt64>? {
    guard write.device == device else { return nil }
    let (end, isHuge) = write.sector.addingReportingOverflow(UInt64(write.sectorCount))
    let sectors = (write.sector..<(isHuge ? .max : end))
      .clamped(to: firstSector..<firstSector + sectorCount)
    guard !sectors.isEmpty else { return nil }
    let first = imageOffset + (sectors.lowerBound - firstSector) * Self.sectorByteCount
    return first..<first + UInt64(sectors.count) * Self.sectorByteCount
  }

  /// Where the image of this path lies.
  package static func all(of path: String) throws(TransferError) -> [TracedExtent] {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw error(path, unsafe String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFBLK else {
      throw error(path, "it is no block device, and only the writes to such can be traced")
    }
    let raw = UInt64(status.st_rdev)
    let major = (raw >> 8) & 0xfff | (raw >> 32) & 0xffff_f000
    let minor = raw & 0xff | (raw >> 12) & 0xffff_ff00
    return try extents(of: "\(major):\(minor)", path)
  }

  private static func extents(
    of number: String, _ path: String, depth: Int = 0
  ) throws(TransferError) -> [TracedExtent] {
    let directory = "/sys/dev/block/\(number)"
    guard depth < maximumDepth, let device = kernelNumber(number),
      let count = KernelFiles.line("\(directory)/size").flatMap({ UInt64($0) })
    else { throw error(path, "nothing is known of the device \(number)") }
    if KernelFiles.exists("\(directory)/partition") {
      guard let start = KernelFiles.line("\(directory)/start").flatMap({ UInt64($0) }),
        let disk = KernelFiles.line("\(directory)/../dev")
      else { throw error(path, "nothing is known of the disk of the partition \(number)") }
      return try extents(of: disk, path, depth: depth + 1).flatMap {
        $0.part(from: start, count: count)
      }
    }
    if KernelFiles.exists("\(directory)/dm") {
      let pieces = try LinearPiece.table(of: number, path)
      var result: [TracedExtent] = []
      for piece in pieces {
        for extent in try extents(of: piece.device, path, depth: depth + 1) {
          result += extent.part(from: piece.start, count: piece.count).map {
            var part = $0
            part.imageOffset += piece.first * sectorByteCount
            return part
          }
        }
      }
      return result
    }
    // Only what the kernel queues as requests is traced when it is completed.
    guard KernelFiles.exists("\(directory)/mq") else {
      throw error(path, "the kernel does not queue the requests of the device \(number)")
    }
    return [TracedExtent(device: device, firstSector: 0, sectorCount: count, imageOffset: 0)]
  }

  private static let maximumDepth = 16

  /// The part of an image that covers some of it, as an image of its own.
  func part(from start: UInt64, count: UInt64) -> [TracedExtent] {
    let first = imageOffset / Self.sectorByteCount
    let wanted = (start..<start + count).clamped(to: first..<first + sectorCount)
    if wanted.isEmpty { return [] }
    return [
      TracedExtent(
        device: device, firstSector: firstSector + wanted.lowerBound - first,
        sectorCount: UInt64(wanted.count),
        imageOffset: (wanted.lowerBound - start) * Self.sectorByteCount)
    ]
  }

  private static func kernelNumber(_ text: String) -> UInt32? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let major = UInt32(parts[0]), let minor = UInt32(parts[1]),
      major < 1 << 12, minor < 1 << 20
    else { return nil }
    return major << 20 | minor
  }

  static func error(_ path: String, _ sentence: String) -> TransferError {
    TransferError(
      .source, "\(path): its writes cannot be traced: \(sentence)",
      hint: "--live rescan needs no trace, --live reflink is for files on xfs and btrfs",
      status: .failed)
  }
}
