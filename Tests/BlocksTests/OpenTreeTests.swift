// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

/// A tree whose size is known only at its end is the same as one whose size was known before.
@Suite struct OpenTreeTests {
  @Test(arguments: [1, 2, 15, 16, 17, 255, 256, 257, 4096, 4097])
  func theSizeMayBeKnownAtTheEnd(count: Int) {
    for tail in [0, 1, 5000] {
      let byteCount = UInt64(count) << 20 - UInt64(tail)
      let shape = ImageShape(byteCount: byteCount)
      var known = TreeFolder(shape: shape)
      var open = TreeFolder(shape: ImageShape(byteCount: 1 << 60))
      for segment in 0..<count {
        let digest = Digest(UInt64(segment), 1, 2, UInt64(shape.segmentLength(segment)))
        known.append(segment: digest)
        open.append(segment: digest)
      }
      #expect(open.finish(byteCount: byteCount) == known.finish())
    }
  }

  @Test func nothingAtAllHasADigestToo() {
    let open = TreeFolder(shape: ImageShape(byteCount: 1 << 60))
    #expect(open.finish(byteCount: 0) == TreeFolder(shape: ImageShape(byteCount: 0)).finish())
  }
}
