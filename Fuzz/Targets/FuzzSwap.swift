// SPDX-License-Identifier: Apache-2.0

import Live

/// A disk with any partition tables: what is found lies on it, in order.
func fuzzSwap(_ disk: [UInt8]) {
  let byteCount = UInt64(disk.count)
  let found = SwapArea.find(byteCount: byteCount) { offset, count in
    Array(disk[Int(offset)..<Int(offset) + count])
  }
  var end: UInt64 = 0
  for area in found {
    precondition(area.lowerBound >= end && area.upperBound <= byteCount)
    end = area.upperBound
  }
}
