// SPDX-License-Identifier: Apache-2.0

import Blocks

/// What becomes of the sizes of two images: how much is copied, and how long the target is
/// afterwards. Pure arithmetic on what both ends said.
struct SizeAgreement: Equatable {
  /// How much takes part in the run.
  var byteCount: UInt64
  /// What a file is brought to when it is complete; nil leaves its length alone.
  var finalByteCount: UInt64?
  var notes: [String] = []

  /// For what is asked of a target; `target` is nil for a file that does not exist yet.
  static func of(
    _ request: TargetRequest, target: UInt64?, kind: ImageKind, name: String
  ) throws(StorageError) -> SizeAgreement {
    if request.isOpenEnded {
      // As much as there is room for; a file's length is settled when it is known.
      let room = kind == .device ? target : nil
      return SizeAgreement(
        byteCount: room ?? UInt64(Geometry.maximumImageByteCount), finalByteCount: nil)
    }
    return try SizeAgreement(
      request.sizePolicy, source: request.sourceByteCount, target: target, kind: kind, name: name)
  }

  /// `target` is nil for a file that does not exist yet.
  init(
    _ policy: SizePolicy, source: UInt64, target: UInt64?, kind: ImageKind, name: String
  ) throws(StorageError) {
    try Self.requirePossible(source, of: name)
    guard let target else {
      self.init(byteCount: source, finalByteCount: source)
      return
    }
    switch policy {
    case .strict:
      if source != target {
        throw StorageError(
          .refused(.sizeDiffers), object: name,
          sentence: "has \(ByteText.amount(target)), the source \(ByteText.amount(source))",
          hint: "choose another --size-policy: resize or min")
      }
      self.init(byteCount: source, finalByteCount: nil)
    case .min:
      self.init(byteCount: Swift.min(source, target), finalByteCount: nil)
      if source > target {
        notes.append(
          "\(name): only the first \(ByteText.amount(target)) of the source's "
            + "\(ByteText.amount(source)) fit and are copied")
      }
    case .resize where kind == .file:
      self.init(byteCount: source, finalByteCount: source)
    case .resize:
      if target < source {
        throw StorageError(
          .refused(.tooSmall), object: name,
          sentence: "is smaller than the source: it has \(ByteText.amount(target)), "
            + "\(ByteText.amount(source)) are needed",
          hint: "take a larger device, or --size-policy=min to copy only what fits")
      }
      self.init(byteCount: source, finalByteCount: nil)
    }
    if target > byteCount && finalByteCount == nil {
      notes.append(
        "\(name): is larger than the source: its last \(ByteText.amount(target - byteCount)) "
          + "stay as they are")
    }
  }

  /// Sizes are also what a peer says: beyond this arithmetic would not be safe.
  static func requirePossible(_ byteCount: UInt64, of name: String) throws(StorageError) {
    if byteCount > Geometry.maximumImageByteCount {
      throw StorageError(
        .unsuitable, object: name,
        sentence: "\(ByteText.amount(byteCount)) are too much: an image may have "
          + ByteText.amount(UInt64(Geometry.maximumImageByteCount)))
    }
  }

  private init(byteCount: UInt64, finalByteCount: UInt64?) {
    self.byteCount = byteCount
    self.finalByteCount = finalByteCount
  }
}
