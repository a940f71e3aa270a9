// SPDX-License-Identifier: Apache-2.0

import Transfer

/// The estimates of several images that are copied one after the other.
struct EstimateSum {
  /// The amounts together; its line is that of the only image, and otherwise unknown.
  var estimate: Estimate
  /// Nil when it is not known of one of them.
  var sendingSeconds: Double?
  var seconds: Double?

  init(_ estimates: [Estimate]) {
    estimate = estimates.reduce(into: Estimate()) { sum, next in
      sum.pageCount &+= next.pageCount
      sum.byteCount &+= next.byteCount
      sum.foundByteCount &+= next.foundByteCount
      sum.comparisonSeconds += next.comparisonSeconds
    }
    estimate.compressedByteCount = Self.sum(estimates.map(\.compressedByteCount)) { $0 &+ $1 }
    sendingSeconds = Self.sum(estimates.map(\.sendingSeconds)) { $0 + $1 }
    seconds = Self.sum(estimates.map(\.seconds)) { $0 + $1 }
    if estimates.count == 1 { estimate.line = estimates[0].line }
  }

  private static func sum<Number: Numeric>(
    _ numbers: [Number?], _ add: (Number, Number) -> Number
  ) -> Number? {
    numbers.reduce(.some(Number.zero)) { (sum: Number?, next: Number?) -> Number? in
      guard let sum, let next else { return nil }
      return add(sum, next)
    }
  }
}
