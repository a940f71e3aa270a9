// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct PageBufferTests {
  @Test(arguments: [1, 4095, 4096, 65_536, 1 << 20]) func beginsOnAPageAndIsZero(byteCount: Int) {
    let buffer = PageBuffer(byteCount: byteCount)
    #expect(buffer.byteCount == byteCount)
    #expect(buffer.bytes.count == byteCount)
    #expect(Int(bitPattern: buffer.bytes.baseAddress!) % 4096 == 0)
    #expect(PageHasher.isZero(UnsafeRawBufferPointer(buffer.bytes)))
    buffer.bytes[byteCount - 1] = 1
    #expect(!PageHasher.isZero(UnsafeRawBufferPointer(buffer.bytes)))
  }

  @Test func mayHoldNothing() {
    #expect(PageBuffer(byteCount: 0).bytes.isEmpty)
  }
}
