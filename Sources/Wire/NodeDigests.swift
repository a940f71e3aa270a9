// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Digests of segments or groups as they travel: all short or all full.
package enum NodeDigests: Equatable, Sendable {
  case short([SteeringDigest])
  case full([Digest])

  /// Shortens as `width` says.
  package init(_ digests: [Digest], width: DigestWidth) {
    switch width {
    case .short: self = .short(digests.map(\.steering))
    case .full: self = .full(digests)
    }
  }

  package var width: DigestWidth {
    switch self {
    case .short: .short
    case .full: .full
    }
  }

  package var count: Int {
    switch self {
    case .short(let digests): digests.count
    case .full(let digests): digests.count
    }
  }

  /// Whether `digest` is the one at `index`, as far as the width can tell.
  package func matches(_ digest: Digest, at index: Int) -> Bool {
    switch self {
    case .short(let digests): digests[index] == digest.steering
    case .full(let digests): digests[index] == digest
    }
  }

  /// The first 8 bytes of the one at `index`.
  package func name(at index: Int) -> UInt64 {
    switch self {
    case .short(let digests): digests[index].low
    case .full(let digests): digests[index].name
    }
  }

  package mutating func append(_ digest: Digest) {
    switch self {
    case .short(var digests):
      self = .short([])
      digests.append(digest.steering)
      self = .short(digests)
    case .full(var digests):
      self = .full([])
      digests.append(digest)
      self = .full(digests)
    }
  }
}
