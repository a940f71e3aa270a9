// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// One digest over all changes of a delta in their order, made at constant cost a change: what the
/// outline announces and what is given must have the same.
///
/// Neighbouring zeros count as one run, however they are cut.
package struct ChangeChain: Sendable {
  private var state = Digest(0, 0, 0, 0)
  private var zeros = 0..<0

  package init() {}

  /// These segments become zero.
  package mutating func add(zeros range: Range<Int>) {
    if range.isEmpty { return }
    if zeros.upperBound == range.lowerBound && !zeros.isEmpty {
      zeros = zeros.lowerBound..<range.upperBound
    } else {
      flush()
      zeros = range
    }
  }

  /// This segment becomes another one.
  package mutating func add(segment: Int, digest: Digest) {
    flush()
    absorb(UInt64(segment), UInt64.max, digest)
  }

  package consuming func finish() -> Digest {
    flush()
    return state
  }

  private mutating func flush() {
    if zeros.isEmpty { return }
    absorb(UInt64(zeros.lowerBound), UInt64(zeros.upperBound), Digest(0, 0, 0, 0))
    zeros = 0..<0
  }

  private mutating func absorb(_ first: UInt64, _ second: UInt64, _ digest: Digest) {
    var bytes: [UInt8] = []
    state.append(to: &bytes)
    PayloadWriter.append(first, to: &bytes)
    PayloadWriter.append(second, to: &bytes)
    digest.append(to: &bytes)
    state = unsafe bytes.withUnsafeBytes { unsafe PageHasher.digest(of: $0) }
  }
}
