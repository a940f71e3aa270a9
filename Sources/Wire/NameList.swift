// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Names of pages as they travel: all short (the first 8 bytes of the digest) or all full.
package enum NameList: Equatable, Sendable {
  case short([UInt64])
  case full([Digest])

  /// Shortens as `width` says.
  package init(_ digests: [Digest], width: DigestWidth) {
    switch width {
    case .short: self = .short(digests.map(\.name))
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
    case .short(let names): names.count
    case .full(let digests): digests.count
    }
  }

  /// The short name at `index`, at either width: what an index is asked for.
  package subscript(index: Int) -> UInt64 {
    switch self {
    case .short(let names): names[index]
    case .full(let digests): digests[index].name
    }
  }

  /// Whether `digest` bears the name at `index`, as far as the width can tell.
  package func matches(_ digest: Digest, at index: Int) -> Bool {
    switch self {
    case .short(let names): names[index] == digest.name
    case .full(let digests): digests[index] == digest
    }
  }
}
