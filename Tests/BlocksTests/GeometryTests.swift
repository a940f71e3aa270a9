// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct GeometryTests {
  /// The numbers of the protocol: both ends must agree, so that none may change by accident.
  @Test func isWhatTheProtocolSays() {
    #expect(Geometry.pageByteCount == 4096)
    #expect(Geometry.fanOut == 16)
    #expect(Geometry.pagesPerGroup == 16)
    #expect(Geometry.groupsPerSegment == 16)
    #expect(Geometry.pagesPerSegment == 256)
    #expect(Geometry.groupByteCount == 65_536)
    #expect(Geometry.segmentByteCount == 1_048_576)
    #expect(Geometry.maximumImageByteCount == 1_152_921_504_606_846_976)
  }
}
