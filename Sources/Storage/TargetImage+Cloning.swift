// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Sharing blocks with other files instead of copying them, where the file system can.
extension TargetImage {
  /// In what unit blocks can be shared, as far as can be told without trying; nil where they are
  /// not to be: a device has none to share, and the space of a file without holes is to be its
  /// own.
  package var clonableUnit: Int? {
    guard kind == .file, keepsSparse, !isDryRun,
      let facts = try? descriptor.calls.fileFacts(descriptor.number), facts.block_byte_count > 0
    else { return nil }
    return Int(facts.block_byte_count)
  }

  /// Makes a range hold what `source` holds from `offset` on, by sharing its blocks. Both are
  /// multiples of the unit. False when that is not possible: the range may then hold anything, and
  /// is to be written.
  ///
  /// What the source holds is what it holds at this moment: whoever wants to know reads the
  /// range of the target afterwards, which the source's users cannot change any more.
  package func clone(
    _ range: Range<UInt64>, from source: any ReadableImage, at offset: UInt64
  ) throws(StorageError) -> Bool {
    try StorageError.requireInside(
      byteCount, range.lowerBound, count: UInt64(range.count), of: name, "clone")
    try StorageError.requireInside(
      source.byteCount, offset, count: UInt64(range.count), of: source.name, "clone")
    try prepare()
    guard presentCount(of: range.count, at: range.lowerBound) == range.count else { return false }
    try settle(range)
    // What is on its way to the disk is not in the blocks yet.
    if source === self { try settle(offset..<offset + UInt64(range.count)) }
    let calls = descriptor.calls
    do throws(SystemError) {
      switch source {
      case let file as SourceImage where file.kind == .file:
        try calls.clone(file.descriptor.number, at: offset, to: descriptor.number, range)
      case let target as TargetImage where target === self:
        try calls.clone(descriptor.number, at: offset, to: descriptor.number, range)
      default: return false
      }
      return true
    } catch {
      return false
    }
  }
}
