// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct PageLocationTests {
  @Test(arguments: [0, 1, PageLocation.imageLimit - 1], [0, 1, (1 << 48) - 1])
  func whatIsPackedComesOut(image: Int, page: Int) {
    let location = PageLocation(image: image, page: page)
    #expect(location.image == image && location.page == page)
    #expect(PageLocation(packed: location.packed) == location)
  }

  @Test(arguments: [(0, 0, 0), (0, -1, nil), (5, -5, 0), (5, -6, nil), ((1 << 48) - 1, 1, nil)])
  func movingStaysInside(page: Int, by pages: Int, expected: Int?) {
    let moved = PageLocation(image: 7, page: page).moved(by: pages)
    #expect(moved?.page == expected && (moved == nil || moved?.image == 7))
  }
}
