// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Live

@Suite struct SwapAreaTests {
  let scratch = Scratch()

  static let tools = ["mkswap", "sfdisk", "dd"].allSatisfy(Command.exists)

  private func disk(_ byteCount: Int) throws -> String {
    let path = scratch.file("disk")
    try Command.run("truncate", "-s", "\(byteCount)", path)
    return path
  }

  private func found(_ path: String) throws -> [Range<UInt64>] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    return SwapArea.find(byteCount: UInt64(bytes.count)) { offset, count in
      Array(bytes[Int(offset)..<Int(offset) + count])
    }
  }

  private func sectors(_ first: UInt64, _ end: UInt64) -> Range<UInt64> { first * 512..<end * 512 }

  /// A swap area of another file is put into the disk.
  private func putSwap(_ path: String, at offset: Int, byteCount: Int, pages: Int = 4096) throws {
    let area = scratch.file("area")
    try? FileManager.default.removeItem(atPath: area)
    try Command.run("truncate", "-s", "\(byteCount)", area)
    try Command.run("mkswap", "-p", "\(pages)", area)
    try Command.run(
      "dd", "if=\(area)", "of=\(path)", "bs=64k", "oflag=seek_bytes", "seek=\(offset)",
      "conv=notrunc")
  }

  @Test(.enabled(if: tools, "mkswap or sfdisk is not here"), arguments: [4096, 8192, 16384, 65536])
  func aWholeDiskMayBeOne(pages: Int) throws {
    let path = try disk(4 << 20)
    #expect(try found(path) == [])
    try putSwap(path, at: 0, byteCount: 2 << 20, pages: pages)
    #expect(try found(path) == [0..<2 << 20])
  }

  @Test(.enabled(if: tools, "mkswap or sfdisk is not here"), arguments: ["dos", "gpt"])
  func partitionsAreFound(label: String) throws {
    let path = try disk(32 << 20)
    let table = scratch.file("table")
    try """
    label: \(label)
    start=2048, size=8192
    start=10240, size=8192, type=S
    start=18432, size=8192

    """.write(toFile: table, atomically: true, encoding: .utf8)
    try Command.run("sh", "-c", "sfdisk -q \(path) < \(table)")
    #expect(try found(path) == [])
    try putSwap(path, at: 10240 * 512, byteCount: 8192 * 512)
    let second = sectors(10240, 18432)
    #expect(try found(path) == [second])
    // One that is shorter than its partition.
    try putSwap(path, at: 18432 * 512, byteCount: 1 << 20)
    #expect(try found(path) == [second, sectors(18432, 18432 + 2048)])
  }

  @Test(.enabled(if: tools, "mkswap or sfdisk is not here"))
  func logicalPartitionsAreFound() throws {
    let path = try disk(32 << 20)
    let table = scratch.file("table")
    try """
    label: dos
    start=2048, size=8192
    start=10240, size=40960, type=5
    start=12288, size=8192
    start=22528, size=8192

    """.write(toFile: table, atomically: true, encoding: .utf8)
    try Command.run("sh", "-c", "sfdisk -q \(path) < \(table)")
    try putSwap(path, at: 12288 * 512, byteCount: 8192 * 512)
    try putSwap(path, at: 22528 * 512, byteCount: 8192 * 512)
    #expect(try found(path) == [sectors(12288, 20480), sectors(22528, 30720)])
  }

  /// A machine that was suspended into its swap area wakes up from it.
  @Test func aSuspendedMachineIsNoSwap() {
    for (text, isSwap) in [("SWAPSPACE2", true), ("SWAP-SPACE", true), ("S1SUSPEND\0", false)] {
      var bytes = [UInt8](repeating: 0, count: 65536)
      bytes.replaceSubrange(4086..<4096, with: text.utf8)
      bytes.replaceSubrange(1024..<1032, with: [1, 0, 0, 0, 7, 0, 0, 0])
      let found = SwapArea.find(byteCount: 65536) { Array(bytes[Int($0)..<Int($0) + $1]) }
      let end: UInt64 = text == "SWAPSPACE2" ? 32768 : 65536
      #expect(found == (isSwap ? [0..<end] : []))
    }
  }

  @Test func whatCannotBeReadIsNone() {
    #expect(SwapArea.find(byteCount: 1 << 30) { _, _ in nil } == [])
    #expect(SwapArea.find(byteCount: 1 << 30) { _, _ in [] } == [])
    for byteCount in [0, 1, 511, 512, 4095, 4096, 8191] as [UInt64] {
      let found = SwapArea.find(byteCount: byteCount) { .init(repeating: 0x55, count: $1) }
      #expect(found == [])
    }
  }

  /// Whatever stands on a disk, looking at it ends, reads little, and finds only what is there.
  @Test func anyDiskDoesNoHarm() {
    var random = Random.fresh(for: "SwapAreaTests.anyDiskDoesNoHarm")
    for round in 0..<300 {
      var sectors: [UInt8] = (0..<256).map { _ in
        [0, 1, 2, 4, 5, 0x0F, 0x82, 0xEE, 0xFF].randomElement(using: &random)!
      }
      sectors += (0..<256).map { _ in UInt8.random(in: 0...255, using: &random) }
      let byteCount = UInt64.random(in: 0...(1 << 44), using: &random)
      var readCount = 0
      let found = SwapArea.find(byteCount: byteCount) { offset, count in
        readCount += 1
        var bytes = (0..<count).map { sectors[(Int(offset % 512) + $0) % 512] }
        if count == 512 { bytes.replaceSubrange(510..<512, with: [0x55, 0xAA]) }
        if count == 92 && round % 2 == 0 {
          bytes.replaceSubrange(0..<8, with: "EFI PART".utf8)
        }
        if count == 10 && round % 3 == 0 { bytes = Array("SWAPSPACE2".utf8) }
        return bytes
      }
      #expect(readCount < 20000)
      #expect(found.allSatisfy { $0.upperBound <= byteCount })
      for (area, next) in zip(found, found.dropFirst()) {
        #expect(area.upperBound <= next.lowerBound)
      }
    }
  }
}
