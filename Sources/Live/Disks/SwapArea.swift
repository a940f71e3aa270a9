// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Finds the areas of a disk that a machine swaps to: they are rewritten again and again, so a
/// live move sends them once, at the end.
///
/// It is a hint, and so it never fails: what cannot be read, or makes no sense, is no swap area.
/// It looks at the whole disk and at its partitions (MBR and GPT), not into logical volumes. An
/// area that holds a suspended machine has another signature, and is none.
package enum SwapArea {
  /// Gives bytes of the disk; nil when it cannot. It is asked for a mebibyte at most.
  package typealias Reader = (_ offset: UInt64, _ byteCount: Int) -> [UInt8]?

  /// As the kernels of all processors write it.
  private static let pageByteCounts: [UInt64] = [4096, 8192, 16384, 32768, 65536]
  private static let signatures = [Array("SWAPSPACE2".utf8), Array("SWAP-SPACE".utf8)]
  private static let headerOffset: UInt64 = 1024

  /// The areas of an image, ascending; none overlap.
  package static func find(in image: any ReadableImage) -> [Range<UInt64>] {
    find(byteCount: image.byteCount) { offset, byteCount in
      var bytes = [UInt8](repeating: 0, count: byteCount)
      do throws(StorageError) {
        var failure: StorageError?
        unsafe bytes.withUnsafeMutableBytes { space in
          do throws(StorageError) { unsafe try image.read(into: space, at: offset) } catch {
            failure = error
          }
        }
        if let failure { throw failure }
        return bytes
      } catch { return nil }
    }
  }

  package static func find(byteCount: UInt64, _ read: Reader) -> [Range<UInt64>] {
    let bounded: Reader = { offset, count in
      guard count > 0, offset < byteCount, byteCount - offset >= UInt64(count) else { return nil }
      guard let bytes = read(offset, count), bytes.count == count else { return nil }
      return bytes
    }
    let places = [0..<byteCount] + PartitionTable.partitions(byteCount: byteCount, bounded)
    var found: [Range<UInt64>] = []
    for place in places.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard let area = area(in: place, bounded) else { continue }
      // Partitions of a broken table may lie in one another.
      if let last = found.last, last.upperBound > area.lowerBound {
        found[found.count - 1] = last.lowerBound..<max(last.upperBound, area.upperBound)
      } else {
        found.append(area)
      }
    }
    return found
  }

  /// The swap area that a partition is.
  private static func area(in place: Range<UInt64>, _ read: Reader) -> Range<UInt64>? {
    for page in pageByteCounts where UInt64(place.count) >= 2 * page {
      let signature = read(place.lowerBound + page - 10, 10)
      guard let signature, signatures.contains(signature),
        let header = read(place.lowerBound + headerOffset, 8)
      else { continue }
      // Its version, and the number of its last page. The older kind had none.
      let pageCount =
        signature == signatures[0] && header[0..<4] == [1, 0, 0, 0]
        ? UInt64(PartitionTable.number(header[4..<8])) + 1 : UInt64.max / page
      let length = min(UInt64(place.count), pageCount * page)
      return place.lowerBound..<place.lowerBound + length
    }
    return nil
  }
}
