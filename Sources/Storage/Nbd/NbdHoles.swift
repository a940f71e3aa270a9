// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Where an export reads as zeros, asked for in large pieces and remembered for a moment: a scan
/// asks about each end of each extent.
///
/// What is remembered is gone when somebody writes there (`forget`), when it is asked about again,
/// or after a second: whoever else writes to the export is not seen from here.
///
/// ## Concurrency
/// `known` is behind its mutex. The server is asked with the mutex free; an answer is kept only if
/// nothing was written while it was on its way.
final class NbdHoles: Sendable {
  private let export: NbdExport
  private let known = Mutex(Known())

  fileprivate struct Known {
    var extents: ArraySlice<NbdExtent> = []
    var time = 0
    var window = NbdHoles.leastWindow
    /// How often something was forgotten.
    var generation = 0
    var isUnknown = false
  }

  private static let leastWindow: UInt64 = 256 << 20
  private static let mostWindow: UInt64 = 2 << 30
  /// An answer with fewer extents makes the next question larger.
  private static let fewExtents = 1024
  private static let lifeSeconds = 1

  init(of export: NbdExport) {
    self.export = export
    if !export.contexts.contains(NbdExtent.allocation) { known.withLock { $0.isUnknown = true } }
  }

  /// The server tells nothing of holes.
  var isUnknown: Bool { known.withLock { $0.isUnknown } }

  /// The extent that begins at `offset` and ends at or before `limit`.
  func extent(at offset: UInt64, limit: UInt64) throws(StorageError) -> Extent {
    let (extent, window, generation) = known.withLock { known in
      (known.take(at: offset), known.window, known.generation)
    }
    if let extent { return extent.bounded(by: limit) }
    if isUnknown { return Extent(range: offset..<limit, isHole: false) }
    let extents: [NbdExtent]
    do throws(StorageError) {
      extents = try export.status(of: offset..<min(offset + window, limit))
    } catch  where !export.isLost {
      // A server that cannot tell, or tells nonsense, may still be able to read.
      known.withLock { $0.isUnknown = true }
      return Extent(range: offset..<limit, isHole: false)
    }
    return known.withLock { known in
      if known.generation == generation { known.keep(extents) }
      return Self.run(of: extents[...]).bounded(by: limit)
    }
  }

  /// Somebody writes here.
  func forget(_ range: Range<UInt64>) {
    known.withLock { known in
      known.generation &+= 1
      guard let first = known.extents.first, let last = known.extents.last,
        first.range.lowerBound < range.upperBound, range.lowerBound < last.range.upperBound
      else { return }
      known.extents = []
    }
  }

  /// What is asked from now on is asked of the server.
  func forgetAll() { known.withLock { $0.forgetAll() } }

  /// What the first extent begins, with all that follows of the same kind.
  fileprivate static func run(of extents: ArraySlice<NbdExtent>) -> Extent {
    let isHole = extents[extents.startIndex].isHole
    let end = extents.prefix { $0.isHole == isHole }.last!.range.upperBound
    return Extent(range: extents[extents.startIndex].range.lowerBound..<end, isHole: isHole)
  }

  fileprivate static var seconds: Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
  }
}

extension NbdHoles.Known {
  /// Scans go up, so what lies before is not asked about again.
  fileprivate mutating func take(at offset: UInt64) -> Extent? {
    if NbdHoles.seconds - time > NbdHoles.lifeSeconds { extents = [] }
    while let first = extents.first, first.range.upperBound <= offset { extents.removeFirst() }
    guard let first = extents.first, first.range.contains(offset) else {
      extents = []
      return nil
    }
    extents[extents.startIndex].range = offset..<first.range.upperBound
    return NbdHoles.run(of: extents)
  }

  fileprivate mutating func keep(_ answer: [NbdExtent]) {
    extents = answer[...]
    time = NbdHoles.seconds
    if answer.count < NbdHoles.fewExtents {
      window = min(window * 2, NbdHoles.mostWindow)
    } else if answer.count >= NbdExtent.maximumCount {
      window = max(window / 2, NbdHoles.leastWindow)
    }
  }

  fileprivate mutating func forgetAll() {
    generation &+= 1
    extents = []
  }
}

extension NbdExtent {
  fileprivate var isHole: Bool { flags & Self.isZero != 0 }
}

extension Extent {
  fileprivate func bounded(by limit: UInt64) -> Extent {
    Extent(range: range.lowerBound..<min(range.upperBound, limit), isHole: isHole)
  }
}
