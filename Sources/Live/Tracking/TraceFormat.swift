// SPDX-License-Identifier: Apache-2.0

/// Where in the kernel's trace the fields stand that say what was written, as the kernel itself
/// tells it (`format`, `header_page`): it differs between kernels and processors.
package struct TraceFormat: Equatable, Sendable {
  struct Field: Equatable, Sendable {
    var offset: Int
    var byteCount: Int
  }

  /// The number that events of this kind bear.
  let identifier: UInt16
  let device: Field
  let sector: Field
  let sectorCount: Field
  /// What was done, as letters.
  let letters: Field
  /// An event with fewer bytes is none of these.
  let eventByteCount: Int

  /// How much of a page is filled, with flags.
  let commit: Field
  /// Where the events of a page begin, and how much they can be.
  let data: Field

  var pageByteCount: Int { data.offset + data.byteCount }

  /// More than the largest page of any processor.
  private static let maximumPageByteCount = 1 << 20

  /// Nil when a field is missing, or is not what we can read.
  package init?(event: String, page: String) {
    let lines = event.split(separator: "\n")
    guard
      let number = lines.first(where: { $0.hasPrefix("ID: ") })?.dropFirst(4),
      let identifier = UInt16(number),
      Self.field("common_type", in: event) == Field(offset: 0, byteCount: 2),
      let device = Self.field("dev", in: event), device.byteCount == 4,
      let sector = Self.field("sector", in: event), sector.byteCount == 8,
      let sectorCount = Self.field("nr_sector", in: event), sectorCount.byteCount == 4,
      let letters = Self.field("rwbs", in: event), (2...64).contains(letters.byteCount),
      let commit = Self.field("commit", in: page), [4, 8].contains(commit.byteCount),
      let data = Self.field("data", in: page), data.byteCount > 0,
      data.offset >= commit.offset + commit.byteCount,
      data.offset + data.byteCount <= Self.maximumPageByteCount
    else { return nil }
    self.identifier = identifier
    (self.device, self.sector, self.sectorCount) = (device, sector, sectorCount)
    (self.letters, self.commit, self.data) = (letters, commit, data)
    eventByteCount = [device, sector, sectorCount, letters].map { $0.offset + $0.byteCount }.max()!
  }

  /// `field:TYPE NAME;  offset:8;  size:4;  signed:0;`, the name perhaps with `[10]` behind it.
  private static func field(_ name: String, in text: String) -> Field? {
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ";").map { $0.drop { $0 == " " || $0 == "\t" } }
      guard parts.count >= 3, parts[0].hasPrefix("field:"),
        let last = parts[0].split(separator: " ").last, last.prefix(while: { $0 != "[" }) == name,
        parts[1].hasPrefix("offset:"), let offset = Int(parts[1].dropFirst(7)),
        parts[2].hasPrefix("size:"), let byteCount = Int(parts[2].dropFirst(5)),
        (0...maximumPageByteCount).contains(offset), (0...maximumPageByteCount).contains(byteCount)
      else { continue }
      return Field(offset: offset, byteCount: byteCount)
    }
    return nil
  }
}
