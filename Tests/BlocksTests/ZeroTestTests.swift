// SPDX-License-Identifier: Apache-2.0

import CLanes
import Testing

/// The test for zeros: every kind of vectors, every place for the one byte that is not zero.
@Suite struct ZeroTestTests {
  /// Zeros between bytes that are not.
  static func withZeros(
    _ count: Int, alignment: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void
  ) {
    var memory = [UInt8](repeating: 0xff, count: count + 192)
    memory.withUnsafeMutableBytes { memory in
      let unaligned = Int(bitPattern: memory.baseAddress!) % 64
      let start = 64 + (64 - unaligned) % 64 + alignment
      let zeros = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + count])
      zeros.initializeMemory(as: UInt8.self, repeating: 0)
      body(zeros)
    }
  }

  static func isZero(_ bytes: UnsafeMutableRawBufferPointer, lanes: Int) -> Bool {
    lanes_is_zero_using(lanes, bytes.baseAddress!, bytes.count)
  }

  @Test(arguments: LanesTests.settings)
  func findsTheOnlyByte(lanes: Int) {
    for count in Array(0...300) + [511, 512, 513, 767, 768, 769, 4095, 4096] {
      Self.withZeros(count, alignment: count % 64) { bytes in
        #expect(Self.isZero(bytes, lanes: lanes), "\(count) zeros")
        var missed: [Int] = []
        for position in 0..<count {
          bytes[position] = 1 << UInt8(position % 8)
          if Self.isZero(bytes, lanes: lanes) { missed.append(position) }
          bytes[position] = 0
        }
        #expect(missed.isEmpty, "of \(count) bytes")
      }
    }
  }

  @Test(arguments: LanesTests.settings)
  func worksAtAllAlignments(lanes: Int) {
    for alignment in 0..<64 {
      for count in [1, 63, 255, 256, 257, 1000, 4096] {
        Self.withZeros(count, alignment: alignment) { bytes in
          #expect(Self.isZero(bytes, lanes: lanes), "\(count) zeros at \(alignment)")
          for position in [0, count / 2, count - 1] {
            bytes[position] = 0x80
            #expect(!Self.isZero(bytes, lanes: lanes), "\(position) of \(count) at \(alignment)")
            bytes[position] = 0
          }
        }
      }
    }
  }

  @Test(arguments: LanesTests.settings)
  func readsNothingOutside(lanes: Int) {
    Fenced.withBytes(4096) { bytes in
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      for count in Array(1...520) + [4095, 4096] {
        #expect(Self.isZero(.init(rebasing: bytes.prefix(count)), lanes: lanes))
        #expect(Self.isZero(.init(rebasing: bytes.suffix(count)), lanes: lanes))
      }
    }
  }
}
