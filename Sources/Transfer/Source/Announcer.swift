// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Compares what the source's scan found with what the target has, in ascending order, and
/// tells the target where they differ.
///
/// Used by the scanning thread. It waits where a limit is reached: for the target's digests,
/// for answers that are on their way, for names that the target has not decided yet.
struct Announcer {
  /// How the target's side of the comparison is known.
  enum Comparison {
    /// The target sends its digests.
    case withDigests
    /// The target is what this remembers of the source's last state.
    case withManifest(ScanMemory)
    /// All of the target is zero; it may want to look for groups before it is told of pages.
    case withZero(asGroups: Bool)
    /// Nothing is asked and everything that is not zero is sent.
    case none
  }

  let shape: ImageShape
  let width: DigestWidth
  let comparison: Comparison
  let connection: Connection
  let state: Monitor<SourceState>
  let sender: BoundedQueue<PageSender.Task>
  let counters: Counters
  /// Read again where only the groups of a segment are remembered.
  private let image: any ReadableImage

  /// Zero at the source, and not said yet.
  private var pendingZero = 0..<0
  private var announced = 0
  private var told = 0

  /// The target learns at least this often how far the comparison is.
  private static let positionInterval = 32

  init(
    image: any ReadableImage, shape: ImageShape, width: DigestWidth, comparison: Comparison,
    connection: Connection,
    state: Monitor<SourceState>, sender: BoundedQueue<PageSender.Task>, counters: Counters
  ) {
    self.shape = shape
    self.width = width
    self.comparison = comparison
    self.connection = connection
    self.state = state
    self.sender = sender
    self.counters = counters
    self.image = image
  }

  mutating func announce(_ item: ImageScan.Item) throws(TransferError) {
    // Zeros need nobody's answer: a whole disk of them must not be read for a run that is over.
    if let failure = state.peek({ $0.failure }) { throw failure }
    switch item {
    case .zero(let segments): try announceZero(segments)
    case .data(let segment, let digests): try announceData(segment, digests)
    }
    if announced - told >= Self.positionInterval { tellPosition() }
  }

  /// Says that everything has been announced.
  mutating func finish() {
    flushZero()
    tellPosition()
  }

  private mutating func tellPosition() {
    flushZero()
    connection.send(.position(announced))
    told = announced
    guard announced > 0 else { return }
    counters.set(.scanned, to: shape.segmentRange(announced - 1).upperBound)
  }

  // MARK: Zeros

  private mutating func announceZero(_ segments: Range<Int>) throws(TransferError) {
    switch comparison {
    case .withZero:
      announced = segments.upperBound
    case .none:
      addZero(segments)
    case .withManifest(let memory):
      for range in memory.changes(toZeros: segments) { addZero(range) }
      announced = segments.upperBound
    case .withDigests:
      while announced < segments.upperBound {
        let wanted = segments.upperBound - announced
        let piece = try awaitPiece(upTo: wanted)
        switch piece {
        case .zero(let count): announced += count
        case .digest: addZero(announced..<announced + 1)
        }
      }
    }
  }

  private mutating func addZero(_ segments: Range<Int>) {
    if pendingZero.upperBound == segments.lowerBound && !pendingZero.isEmpty {
      pendingZero = pendingZero.lowerBound..<segments.upperBound
    } else {
      flushZero()
      pendingZero = segments
    }
    announced = segments.upperBound
  }

  private mutating func flushZero() {
    guard !pendingZero.isEmpty else { return }
    connection.send(.zero(SegmentRange(first: pendingZero.lowerBound, count: pendingZero.count)))
    pendingZero = 0..<0
  }

  // MARK: Data

  private mutating func announceData(
    _ segment: Int, _ digests: SegmentDigests
  ) throws(TransferError) {
    switch comparison {
    case .none:
      let pages = PageSet(firstPages: digests.pageCount).subtracting(digests.zeroPages)
      sender.put(
        .pages(WantedPages(segment: segment, pages: pages)), weight: pages.count, waits: true)
    case .withZero(asGroups: true): try sendGroups(segment, digests)
    case .withZero(asGroups: false): try sendNames(segment, digests)
    case .withManifest(let memory):
      switch memory.takeChange(of: segment) {
      case nil: break
      case .fromZero: try sendNames(segment, digests)
      case .fromData: try sendGroups(segment, digests)
      }
    case .withDigests:
      switch try awaitPiece(upTo: 1) {
      case .zero: try sendNames(segment, digests)
      case .digest(let theirs, let index):
        if !theirs.matches(digests.digest, at: index) { try sendGroups(segment, digests) }
      }
    }
    announced = segment + 1
  }

  /// The target has zeros there: the names of all that is not zero, at once.
  private mutating func sendNames(
    _ segment: Int, _ digests: SegmentDigests
  ) throws(TransferError) {
    let digests = try PageFinder(image: image, shape: shape).withPages(digests, of: segment, state)
    let groups = GroupSet(firstGroups: digests.groups.count).subtracting(digests.zeroGroups)
    let names = digests.names(in: groups, of: segment, width: width)
    let count = UInt64(names.openCost)
    try state.await { state -> Bool? in
      guard state.openNameCount + count <= WireLimits.openNameCount else { return nil }
      state.namedCount += count
      return true
    }
    flushZero()
    connection.send(.pages(names))
  }

  private mutating func sendGroups(
    _ segment: Int, _ digests: SegmentDigests
  ) throws(TransferError) {
    try state.await { state -> Bool? in
      // The answer may name any page; what it does not name is given back then.
      let reserved = UInt64(PageNames.largestOpenCost)
      guard state.inFlight.count < WireLimits.segmentsInQuestion,
        state.openNameCount + reserved <= WireLimits.openNameCount
      else { return nil }
      state.inFlight[segment] = digests
      state.reservedCount += reserved
      return true
    }
    flushZero()
    let groups = GroupSet(firstGroups: digests.groups.count).subtracting(digests.zeroGroups)
    connection.send(
      .groups(
        GroupDigests(
          segment: segment, nonzeroGroups: groups,
          digests: NodeDigests(groups.map { digests.groups[$0] }, width: width))))
  }

  private mutating func awaitPiece(upTo count: Int) throws(TransferError) -> TargetRuns.Piece {
    if let piece = state.peek({ $0.failure == nil ? $0.runs.take(upTo: count) : nil }) {
      return piece
    }
    // While we wait the target must know how far we are: its scan may be waiting for us.
    if announced > told { tellPosition() }
    return try state.await { $0.runs.take(upTo: count) }
  }
}

extension SegmentDigests {
  /// The names of the pages of some groups that are not zero.
  func names(in groups: GroupSet, of segment: Int, width: DigestWidth) -> PageNames {
    let nonzero = PageSet(pagesOf: groups).subtracting(zeroPages)
      .intersection(PageSet(firstPages: pages.count))
    return PageNames(
      segment: segment, groups: groups, nonzeroPages: nonzero,
      names: NameList(nonzero.map { self.pages[$0] }, width: width))
  }
}
