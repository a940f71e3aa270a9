// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The ways to make a range read as zeros, best first. A way that the file system or device
/// does not know is not tried again on this image. None of them is a discard, which promises
/// nothing about what is read afterwards.
enum Zeroing: Int, CaseIterable, Sendable {
  /// Leaves a hole. On a device the block layer promises that zeros are read afterwards, and
  /// refuses where it cannot.
  case punch
  /// Keeps the space, and writes nothing.
  case zeroRange
  /// The block layer's way: the device writes the zeros itself where it can.
  case zeroOut
  /// Writes zeros: always possible.
  case written

  static func first(for kind: ImageKind, keepsSparse: Bool) -> Zeroing {
    if keepsSparse { return .punch }
    return kind == .file ? .zeroRange : .zeroOut
  }

  /// What to try when this way is not known here.
  func next(for kind: ImageKind) -> Zeroing {
    self == .punch ? (kind == .file ? .zeroRange : .zeroOut) : .written
  }

  /// Whether an errno means that this way is not known here. EINVAL and the like are what
  /// some FUSE file systems and drivers say; writing zeros is right whatever they meant.
  static func isUnknown(_ error: SystemError) -> Bool {
    switch error.number {
    case EOPNOTSUPP, ENOSYS, ENOTTY, EINVAL, EPERM, EREMOTEIO: true
    default: false
    }
  }

  /// The block layer zeroes whole sectors; whole pages also keep it away from cached pages
  /// that are only partly ours.
  static let deviceAlignment: UInt64 = 4096

  /// How much a device is asked to zero at once, so that a run can be interrupted.
  static let deviceChunkByteCount: UInt64 = 256 << 20

  /// How much is written at once.
  static let writtenChunkByteCount = 1 << 20
}
