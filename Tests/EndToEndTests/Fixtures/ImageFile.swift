// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// An image as the tests make it and look at it: a file or a device, by its path.
struct ImageFile: Sendable {
  var path: String

  init(_ path: String) { self.path = path }

  /// A file of so many bytes, all hole.
  static func make(
    in scratch: Scratch, named name: String? = nil, byteCount: UInt64
  ) throws -> ImageFile {
    let path = name.map { scratch.path($0) } ?? scratch.newPath("image")
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
    guard file >= 0, ftruncate(file, off_t(byteCount)) == 0 else {
      throw FixtureError("\(path): \(String(cString: strerror(errno)))")
    }
    close(file)
    return ImageFile(path)
  }

  /// A file with pattern pages all over.
  static func full(
    in scratch: Scratch, named name: String? = nil, byteCount: UInt64, seed: UInt64
  ) throws -> ImageFile {
    let image = try make(in: scratch, named: name, byteCount: byteCount)
    try image.fill(0..<byteCount, with: Pattern(seed: seed))
    return image
  }

  var byteCount: UInt64 {
    get throws {
      try withDescriptor(O_RDONLY) { UInt64(lseek($0, 0, SEEK_END)) }
    }
  }

  /// What it occupies on its file system.
  var allocatedByteCount: UInt64 {
    var status = stat()
    stat(path, &status)
    return UInt64(status.st_blocks) * 512
  }

  /// Writes pattern pages into a range of bytes; the first of them is page `first` of the
  /// pattern, or the one that has the number of its place.
  func fill(_ range: Range<UInt64>, with pattern: Pattern, from first: UInt64? = nil) throws {
    try withDescriptor(O_WRONLY) { file in
      var offset = range.lowerBound
      var page = first ?? range.lowerBound / 4096
      while offset < range.upperBound {
        let count = min(1 << 20, range.upperBound - offset)
        let pages = pattern.pages(page, count: Int((count + 4095) / 4096))
        try Self.write(pages.prefix(Int(count)), to: file, at: offset, path)
        offset += count
        page += 256
      }
    }
  }

  func write(_ bytes: Data, at offset: UInt64) throws {
    try withDescriptor(O_WRONLY) { try Self.write(bytes, to: $0, at: offset, path) }
  }

  func read(_ count: Int, at offset: UInt64) throws -> Data {
    try withDescriptor(O_RDONLY) { file in
      var bytes = Data(count: count)
      let got = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, count, off_t(offset)) }
      return bytes.prefix(max(0, got))
    }
  }

  /// A copy under another name, holes kept.
  func copied(to scratch: Scratch, named name: String? = nil) throws -> ImageFile {
    let target = name.map { scratch.path($0) } ?? scratch.newPath("image")
    try Command.succeed("cp", "--sparse=always", "--reflink=auto", path, target)
    return ImageFile(target)
  }

  /// The ranges that are not holes; a device is one such range.
  var dataRanges: [Range<UInt64>] {
    get throws {
      try withDescriptor(O_RDONLY) { file in
        let end = UInt64(lseek(file, 0, SEEK_END))
        var ranges: [Range<UInt64>] = []
        var offset: UInt64 = 0
        while let start = Self.nextData(file, from: offset, end: end) {
          let hole = lseek(file, off_t(start), 4)
          offset = hole < 0 ? end : UInt64(hole)
          ranges.append(start..<offset)
        }
        return ranges
      }
    }
  }

  /// SEEK_DATA, whose number Swift does not import; where it is not known all is data.
  static func nextData(_ file: Int32, from offset: UInt64, end: UInt64) -> UInt64? {
    guard offset < end else { return nil }
    let found = lseek(file, off_t(offset), 3)
    if found < 0 { return errno == ENXIO ? nil : offset }
    return UInt64(found) < end ? UInt64(found) : nil
  }

  func withDescriptor<Result>(_ flags: Int32, _ body: (Int32) throws -> Result) throws -> Result {
    let file = open(path, flags | O_CLOEXEC)
    guard file >= 0 else { throw FixtureError("\(path): \(String(cString: strerror(errno)))") }
    defer { close(file) }
    return try body(file)
  }

  private static func write(
    _ bytes: Data, to file: Int32, at offset: UInt64, _ path: String
  ) throws {
    let count = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(offset)) }
    guard count == bytes.count else {
      throw FixtureError("\(path): write at \(offset): \(String(cString: strerror(errno)))")
    }
  }
}
