// SPDX-License-Identifier: Apache-2.0

/// What a stream for pipes and files is. Each kind begins with a magic of its own, so that nobody
/// takes one for the other.
package enum StreamKind: UInt8, CaseIterable, Sendable {
  /// The digests of an image's groups.
  case manifest = 1
  /// What makes one image of another.
  case delta = 2

  package var name: String {
    switch self {
    case .manifest: "manifest stream"
    case .delta: "delta"
    }
  }

  package var magic: [UInt8] {
    switch self {
    case .manifest: Array("BLKMANI\n".utf8)
    case .delta: Array("BLKDELT\n".utf8)
    }
  }

  /// The version of the format that is written, and the only one that is read.
  package static let version: UInt16 = 1
}
