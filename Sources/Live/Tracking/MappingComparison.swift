// SPDX-License-Identifier: Apache-2.0

/// Finds where two files that share blocks do not: a walk through both mappings at once, which
/// holds a window of each.
///
/// Blocks that both files refer to cannot have been written meanwhile: who writes to shared blocks
/// gets others. So bytes at the same place are the same, for as long as both files are there. All
/// else is taken for different, in particular what has no clear place.
struct MappingComparison {
  /// The extents from an offset on, ascending, as many as it likes; none when there are no more.
  typealias Mapping<Failure: Error> = (UInt64) throws(Failure) -> [MappedExtent]

  /// One of the two, from some offset on.
  private struct Window {
    var extents: ArraySlice<MappedExtent> = []
    var hasEnded = false

    /// What is at an offset, and up to where: nil is a hole.
    mutating func piece<Failure: Error>(
      at offset: UInt64, _ mapping: Mapping<Failure>
    ) throws(Failure) -> (MappedExtent?, end: UInt64) {
      while let first = extents.first, first.range.upperBound <= offset { extents.removeFirst() }
      if extents.isEmpty && !hasEnded {
        extents = try mapping(offset)[...]
        hasEnded = extents.isEmpty
      }
      guard let first = extents.first else { return (nil, .max) }
      if first.range.lowerBound > offset { return (nil, first.range.lowerBound) }
      if first.range.upperBound > offset { return (first, first.range.upperBound) }
      // It is told of what was not asked for: nothing is known from here on.
      return (MappedExtent(range: offset..<UInt64.max, place: 0, isUnclear: true), .max)
    }
  }

  /// Gives the ranges below `byteCount` in which the two may differ, ascending.
  static func differences<Failure: Error>(
    _ one: Mapping<Failure>, _ other: Mapping<Failure>, byteCount: UInt64,
    _ body: (Range<UInt64>) -> Void
  ) throws(Failure) {
    var (first, second) = (Window(), Window())
    var offset: UInt64 = 0
    var pending: Range<UInt64>?
    while offset < byteCount {
      let (a, aEnd) = try first.piece(at: offset, one)
      let (b, bEnd) = try second.piece(at: offset, other)
      let end = min(aEnd, bEnd, byteCount)
      if !areSame(a, b, at: offset) {
        if let begun = pending, begun.upperBound == offset {
          pending = begun.lowerBound..<end
        } else {
          if let begun = pending { body(begun) }
          pending = offset..<end
        }
      }
      offset = end
    }
    if let pending { body(pending) }
  }

  private static func areSame(
    _ one: MappedExtent?, _ other: MappedExtent?, at offset: UInt64
  ) -> Bool {
    if one?.isUnclear == true || other?.isUnclear == true { return false }
    let areZero = (one?.isUnwritten ?? true, other?.isUnwritten ?? true)
    if areZero.0 || areZero.1 { return areZero.0 && areZero.1 }
    guard let one, let other else { return false }
    return one.place &+ (offset - one.range.lowerBound)
      == other.place &+ (offset - other.range.lowerBound)
  }
}
