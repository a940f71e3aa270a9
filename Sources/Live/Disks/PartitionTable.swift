// SPDX-License-Identifier: Apache-2.0

/// Where the partitions of a disk lie, by its MBR or GPT.
///
/// Whatever is in the tables, it ends, and gives only what lies on the disk: it reads a bounded
/// number of bounded tables, and ignores what makes no sense.
enum PartitionTable {
  private static let sector: UInt64 = 512
  private static let largeSector: UInt64 = 4096
  static let maximumEntryCount = 1024
  static let maximumEntryByteCount = 1024
  /// As many as the kernel knows of one disk.
  static let maximumLogicalCount = 256

  /// - Parameter read: answers nil for what is not on the disk.
  static func partitions(byteCount: UInt64, _ read: SwapArea.Reader) -> [Range<UInt64>] {
    for size in [sector, largeSector] {
      let found = gpt(sector: size, byteCount: byteCount, read)
      if !found.isEmpty { return found }
    }
    return mbr(byteCount: byteCount, read)
  }

  // MARK: GPT

  private static func gpt(
    sector: UInt64, byteCount: UInt64, _ read: SwapArea.Reader
  ) -> [Range<UInt64>] {
    guard let header = read(sector, 92), header.starts(with: Array("EFI PART".utf8)) else {
      return []
    }
    let count = min(Int(number(header[80..<84])), maximumEntryCount)
    let length = Int(number(header[84..<88]))
    let (offset, isHuge) = number(header[72..<80]).multipliedReportingOverflow(by: sector)
    guard (56...maximumEntryByteCount).contains(length), count > 0, !isHuge else { return [] }
    var result: [Range<UInt64>] = []
    for index in 0..<count {
      let (place, isHuge) = offset.addingReportingOverflow(UInt64(index * length))
      guard !isHuge, let entry = read(place, 48) else { break }
      // Without a type it is free.
      if entry[0..<16].allSatisfy({ $0 == 0 }) { continue }
      let (first, last) = (number(entry[32..<40]), number(entry[40..<48]))
      guard last >= first, last < UInt64.max else { continue }
      if let range = range(first, last - first + 1, sector: sector, byteCount) {
        result.append(range)
      }
    }
    return result
  }

  // MARK: MBR

  private struct Entry {
    var type: UInt8
    var first: UInt64
    var count: UInt64

    var isExtended: Bool { [0x05, 0x0F, 0x85].contains(type) }
  }

  private static func entries(at place: UInt64, _ read: SwapArea.Reader) -> [Entry] {
    guard let table = read(place, 512), table[510] == 0x55, table[511] == 0xAA else { return [] }
    return (0..<4).map { index in
      let entry = table[446 + 16 * index..<462 + 16 * index]
      let base = entry.startIndex
      return Entry(
        type: entry[base + 4], first: number(entry[base + 8..<base + 12]),
        count: number(entry[base + 12..<base + 16]))
    }
  }

  private static func mbr(byteCount: UInt64, _ read: SwapArea.Reader) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    for entry in entries(at: 0, read) where entry.type != 0 && entry.count > 0 {
      if entry.isExtended {
        result += logical(from: entry.first, byteCount: byteCount, read)
      } else if let range = range(entry.first, entry.count, sector: sector, byteCount) {
        result.append(range)
      }
    }
    return result
  }

  /// A chain of tables: each has one partition, counted from itself, and the place of the next,
  /// counted from the first.
  private static func logical(
    from base: UInt64, byteCount: UInt64, _ read: SwapArea.Reader
  ) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    var table = base
    for _ in 0..<maximumLogicalCount {
      var next: UInt64?
      for entry in entries(at: table * sector, read).prefix(2) where entry.count > 0 {
        if entry.isExtended {
          next = base + entry.first
        } else if entry.type != 0,
          let range = range(table + entry.first, entry.count, sector: sector, byteCount)
        {
          result.append(range)
        }
      }
      // Forwards only: a ring would lead round and round.
      guard let next, next > table else { break }
      table = next
    }
    return result
  }

  /// The bytes of some sectors, as far as they are on the disk.
  private static func range(
    _ first: UInt64, _ count: UInt64, sector: UInt64, _ byteCount: UInt64
  ) -> Range<UInt64>? {
    let (start, isHuge) = first.multipliedReportingOverflow(by: sector)
    guard !isHuge, start < byteCount else { return nil }
    let (length, isLong) = count.multipliedReportingOverflow(by: sector)
    return start..<start + min(isLong ? .max : length, byteCount - start)
  }

  /// Little endian.
  static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
