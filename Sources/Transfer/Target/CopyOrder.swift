// SPDX-License-Identifier: Apache-2.0

/// In which order pages may be copied within one image without overwriting what a later copy
/// still needs: the problem of rewriting an image in place from its own pieces.
///
/// Every copy reads one page and writes one page. A copy may be made as soon as nobody has to
/// read any more what lies where it writes. What is left when no such copy exists are rings, in
/// which each writes what the next one reads: there one copy reads early, into memory, and the
/// ring is open.
struct CopyOrder {
  /// A copy, by its position in the list that the order was made for.
  enum Step: Equatable {
    /// All of these: first every read, then every write.
    case copy([Int])
    /// Read this one's content now and keep it; it is written by a later `copy`.
    case readEarly(Int)
  }

  /// For each copy the copy that writes what it reads, or -1.
  private let overwriter: [Int32]
  /// For each copy how many others still have to read what lies where it writes.
  private var readerCounts: [Int32]
  /// Copies that may be made, the next one last.
  private var ready: [Int32] = []
  private var isReleased: [Bool]
  private var doneCount = 0
  private var scanned = 0

  /// `destinations` ascend; `source(of:)` gives the page that a copy reads, or nil when it
  /// is read from another image.
  init(destinations: [Int], sources: [Int?]) {
    let count = destinations.count
    var overwriter = [Int32](repeating: -1, count: count)
    var readerCounts = [Int32](repeating: 0, count: count)
    for copy in 0..<count {
      guard let source = sources[copy] else { continue }
      let position = destinations.firstPosition(notBelow: source)
      guard position < count, destinations[position] == source, position != copy else { continue }
      overwriter[copy] = Int32(position)
      readerCounts[position] += 1
    }
    self.overwriter = overwriter
    self.readerCounts = readerCounts
    isReleased = [Bool](repeating: false, count: count)
    for copy in stride(from: count - 1, through: 0, by: -1) where readerCounts[copy] == 0 {
      ready.append(Int32(copy))
    }
  }

  /// The next step, of at most `limit` copies; nil when all are made. The caller carries it
  /// out before it asks again.
  mutating func next(limit: Int) -> Step? {
    if ready.isEmpty { return openRing() }
    var batch: [Int] = []
    while batch.count < limit, let copy = ready.popLast() {
      batch.append(Int(copy))
    }
    for copy in batch { release(copy) }
    doneCount += batch.count
    return .copy(batch)
  }

  private mutating func openRing() -> Step? {
    guard doneCount < overwriter.count else { return nil }
    while readerCounts[scanned] == 0 || isReleased[scanned] { scanned += 1 }
    let copy = scanned
    release(copy)
    return .readEarly(copy)
  }

  /// The copy has read what it needs: what lies there may be overwritten for its part.
  private mutating func release(_ copy: Int) {
    if isReleased[copy] { return }
    isReleased[copy] = true
    let other = Int(overwriter[copy])
    guard other >= 0 else { return }
    readerCounts[other] -= 1
    if readerCounts[other] == 0 { ready.append(Int32(other)) }
  }
}

extension [Int] {
  /// The first position of an ascending list whose element is not below `value`.
  func firstPosition(notBelow value: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
