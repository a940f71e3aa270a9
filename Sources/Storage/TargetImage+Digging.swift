// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Giving back the space of zeros that were written out.
extension TargetImage {
  /// Makes holes where a range, which was just read and is zero already, takes space. Content
  /// stays what it is, so this needs no mark, and a failure is no reason to end the run: it only
  /// ends the digging.
  ///
  /// Space that was reserved and never written counts as a hole, and stays reserved. Nothing is
  /// dug in a device, without sparse files, in a dry run, or where somebody else may be writing.
  package func dig(_ zeros: Range<UInt64>) {
    var offset = zeros.lowerBound
    while offset < zeros.upperBound, digs.load(ordering: .relaxed) {
      guard let extent = try? extent(at: offset), extent.range.upperBound > offset else { return }
      let end = min(extent.range.upperBound, zeros.upperBound)
      if !extent.isHole { punch(offset..<end) }
      offset = end
    }
  }

  /// A file system that takes space for it all the same, or does not say what takes space, is
  /// not asked a second time.
  private func punch(_ zeros: Range<UInt64>) {
    do throws(SystemError) {
      try descriptor.calls.allocate(descriptor.number, .punchHole, zeros)
      if isDiggingProven.load(ordering: .relaxed) { return }
      let isHole = try? extent(at: zeros.lowerBound).isHole
      isDiggingProven.store(isHole == true, ordering: .relaxed)
      // Less than a block of the file system stays allocated anywhere.
      if isHole != true && zeros.upperBound - zeros.lowerBound >= Self.surelyWholeBlock {
        digs.store(false, ordering: .relaxed)
      }
    } catch {
      digs.store(false, ordering: .relaxed)
    }
  }

  private static let surelyWholeBlock: UInt64 = 128 << 10
}
