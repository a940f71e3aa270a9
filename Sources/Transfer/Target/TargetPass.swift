// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// One pass over the image at the target's side: compares what the source announces with what
/// is there, plans what has to change, and carries it out.
///
/// What would overwrite old content is held back while content that is needed later may still
/// be found in it: until both scans are over, within a bound of memory and of patience. Then
/// pages are copied from where they were found, in an order that overwrites nothing too early,
/// zeros are written, and the rest is asked for.
///
/// Used by the engine's thread only; the ledger and the index are shared with the scanner.
final class TargetPass {
  let target: any CopyTarget
  let shape: ImageShape
  let width: DigestWidth
  let startsZero: Bool
  let isWhole: Bool
  let isDryRun: Bool
  /// Nothing of the target is scanned: both ends go by what they remember of it.
  let isTargetKnown: Bool
  /// Later passes only settle what the first one left; the account is the first one's.
  private let countsTotals: Bool
  let connection: Connection
  let counters: Counters
  let ledger: Monitor<Ledger>
  let index: Monitor<ContentIndex>?
  let reader: SegmentReader
  let mover: PageMover
  /// Nil where no manifest is kept.
  let memory: TargetMemory?
  /// What the scan of this pass believes of it.
  let scanMemory: ScanMemory?

  var records: [Int: SegmentRecord] = [:]
  var plan = Plan()
  private var patience = Patience()
  var asks = AskQueue()
  /// Of what a dry run would ask for.
  var sample = SampleChoice()
  var unsettledPageCount: UInt64 = 0
  /// Segments that did not turn out as the source announced them.
  private(set) var unsettledSegments: Set<Int> = []
  var isScanOver = false
  /// Reads the target to fill the index, where the scan did not have to.
  var startIndexing: (() -> Void)?
  /// Reads the seeds that are remembered, and for that reason not in the index.
  var startIndexingSeeds: (() -> Void)?
  /// Of a target that starts as zero, where seeds are remembered.
  let groupIndex: GroupIndex?
  private let seedManifests: [Int: Manifest]
  private lazy var rememberedPageCount =
    groupIndex?.pageCount
    ?? seedManifests.values.reduce(0) { $0 + $1.countRecords() * Geometry.pagesPerSegment }
  /// Of a known target, when it is first asked for.
  private lazy var knownDataCount = scanMemory!.manifest.countRecords()
  private var plannedPageCount = 0
  var sourceDigest: Digest?
  /// Segments whose groups differ and whose pages the source has yet to name.
  private var awaitedCount = 0
  /// Names that the source gave, and how many of them are done with.
  private var namedCount: UInt64 = 0
  private(set) var closedCount: UInt64 = 0
  private var toldClosedCount: UInt64 = 0
  private var order = AnnouncementOrder()
  private var nextWhole = 0
  /// Segments of which everything is known without a question: zeros, and what came whole.
  private var givenCount = 0

  /// The plan is carried out at the latest when so many names are open.
  static let planLimit = 1 << 20
  private static let closedInterval: UInt64 = 8192

  struct Parameters {
    var number: Int
    /// The source knows all digests of the target.
    var isTargetKnown = false
    var width: DigestWidth
    var job: Job
    var seeds: [any ReadableImage]
    /// By their number, from 1.
    var seedManifests: [Int: Manifest] = [:]
    var memory: TargetMemory?
  }

  init(
    target: any CopyTarget, shape: ImageShape, parameters: Parameters, connection: Connection,
    counters: Counters
  ) {
    self.target = target
    self.shape = shape
    self.connection = connection
    self.counters = counters
    width = parameters.width
    let isFirst = parameters.number == 1
    countsTotals = isFirst
    isDryRun = parameters.job.isDryRun
    startsZero = (target.startsZero || parameters.job.isWholeEstimate) && isFirst
    isWhole = parameters.job.isWhole && isFirst && !isDryRun
    self.memory = isDryRun ? nil : parameters.memory
    scanMemory = startsZero ? nil : self.memory?.scanMemory(passNumber: parameters.number)
    isTargetKnown = parameters.isTargetKnown
    var ledger = Ledger(shape: shape)
    if isTargetKnown, let scanMemory {
      ledger = Ledger(shape: shape, known: { scanMemory.known(from: $0) })
    }
    // Known before the first announcement: the source does not wait for a scan of nothing.
    // Where everything comes unasked, what is zero is announced like the rest.
    if startsZero && !isWhole { ledger.scan(zeroSegments: shape.segmentCount) }
    self.ledger = Monitor(ledger)
    let memory = Int(clamping: parameters.job.indexMemoryByteCount)
    let seeksNothing = isWhole || parameters.job.isWholeEstimate
    index = seeksNothing ? nil : Monitor(ContentIndex(memoryByteCount: memory))
    let manifests = seeksNothing ? [:] : parameters.seedManifests
    groupIndex =
      manifests.isEmpty || !startsZero
      ? nil : GroupIndex(manifests, memoryByteCount: memory)
    seedManifests = manifests
    reader = SegmentReader(image: target, shape: shape)
    mover = PageMover(
      target: target, images: [target] + parameters.seeds, width: width, isDryRun: isDryRun)
    isScanOver = isWhole
  }

  /// Seeds that are not read to their end are of no use any more when the image is known.
  var isOver: Bool {
    sourceDigest != nil && plan.isEmpty && records.isEmpty && asks.isEmpty
      && (isScanOver || ledger.peek { $0.isComplete }) && (!mayComeLate || hasWholeImage)
  }

  /// What comes unasked over further connections may come behind the source's last word.
  private var mayComeLate: Bool { isWhole && connection.strands?.mayJoin == true }
  private var hasWholeImage: Bool { ledger.peek { $0.isComplete } }

  /// Whether old content may still turn out to be needed.
  private var mayHold: Bool {
    !isWhole && (!startsZero || !isScanOver || startIndexingSeeds != nil && !isAllNamed)
  }

  /// The source has nothing more to say of what it has.
  private var isAllNamed: Bool { sourceDigest != nil && awaitedCount == 0 }

  /// When the plan has to be carried out, if nothing else happens before.
  var planDeadline: Double? { plan.since.map { patience.deadline(since: $0) } }

  /// To be called after every event.
  func proceed() throws(StorageError) {
    try remember { (memory) throws(StorageError) in try memory.checkpointIfDue() }
    if !plan.isEmpty {
      indexIfContentMoves()
      indexSeedsIfMuchIsMissing()
      let isComplete = isScanOver && isAllNamed
      let isLarge = namedCount - closedCount >= Self.planLimit
      if isComplete || isLarge || !mayHold || isPatienceOver { try carryOut() }
    }
    try ask()
    tellClosed()
  }

  /// What is remembered of the target has no names of pages, and so the index of what it has is
  /// empty. Where much differs, reading it all is likely to be less than sending it all.
  private func indexIfContentMoves() {
    guard let startIndexing, scanMemory?.trust == .records, isScanOver else { return }
    let (scannedDataCount, scannedCount) = ledger.peek { ($0.scannedDataCount, $0.scannedCount) }
    guard plannedPageCount >= Self.fewPages else { return }
    let dataCount = isTargetKnown ? knownDataCount : scannedDataCount
    let share = max(dataCount * Geometry.pagesPerSegment / Self.movingShare, Self.fewPages)
    guard scannedCount == shape.segmentCount, plannedPageCount >= share else { return }
    self.startIndexing = nil
    isScanOver = false
    startIndexing()
  }

  /// A seed that is remembered is read when it is likely to have more than its groups: when so
  /// much is missing that reading it costs little beside sending that.
  private func indexSeedsIfMuchIsMissing() {
    guard let startIndexingSeeds, isScanOver, plannedPageCount >= Self.fewPages,
      plannedPageCount >= rememberedPageCount / Self.missingShare
    else { return }
    self.startIndexingSeeds = nil
    isScanOver = false
    startIndexingSeeds()
  }

  /// Of the pages of seeds.
  private static let missingShare = 64
  /// One page in so many differs.
  private static let movingShare = 8
  private static let fewPages = 256

  func remember(_ body: (TargetMemory) throws(StorageError) -> Void) throws(StorageError) {
    if let memory { try body(memory) }
  }

  private var isPatienceOver: Bool {
    guard let since = plan.since else { return false }
    return patience.isOver(since: since, now: Clock.now, census: census)
  }

  /// How many pages of the plan are known to be elsewhere at this end.
  private func census() -> (pages: Int, found: Int) {
    let pages = plan.pages
    let found = index?.peek { index in
      pages.reduce(0) { $0 + (index.location(of: name(of: $1).name) == nil ? 0 : 1) }
    }
    return (pages.count, found ?? 0)
  }

  private func tellClosed() {
    guard closedCount - toldClosedCount >= Self.closedInterval else { return }
    connection.send(.closed(closedCount))
    toldClosedCount = closedCount
  }
}

// MARK: - What the source announces

extension TargetPass {
  func receive(position segment: Int) throws(TransferError) {
    try advance(to: segment, past: segment)
    account(
      ledger.update { ledger in
        ledger.announce(upTo: segment)
        return ledger.totals
      })
    if segment > 0 {
      counters.set(.scanned, to: shape.segmentRange(segment - 1).upperBound)
    }
  }

  /// Segments that come whole and unasked come once; over one connection they ascend as well.
  func takeWhole(_ segment: Int) throws(TransferError) {
    guard !ledger.peek({ $0.isKnown(segment) }) else {
      throw .breach("segment \(segment) comes twice")
    }
    guard mayComeLate || segment >= nextWhole else {
      throw .breach("segment \(segment) comes out of order")
    }
    nextWhole = segment + 1
    givenCount += 1
  }

  private func advance(to segment: Int, past end: Int) throws(TransferError) {
    let told = isWhole ? shape.segmentCount : ledger.peek { $0.scannedCount }
    try order.advance(to: segment, past: end, told: told)
  }

  /// To be asked at the end: whether the source spoke of its whole image, and of nothing twice.
  func requireWholeImage() throws(TransferError) {
    guard hasWholeImage else {
      throw .breach("the source ended before it had announced its whole image")
    }
    guard !isWhole || givenCount == shape.segmentCount else {
      throw .breach("the source sent content for segments that it called zero")
    }
  }

  /// A target that gets everything unasked is asked nothing either.
  private func requireQuestions(about segment: Int) throws(TransferError) {
    if isWhole { throw .breach("a question about segment \(segment), which comes unasked") }
  }

  func account(_ totals: (equal: UInt64, zero: UInt64)) {
    guard countsTotals else { return }
    counters.set(.equal, to: totals.equal)
    counters.set(.zero, to: totals.zero)
  }

  func receive(zero segments: Range<Int>) throws(TransferError) {
    try advance(to: segments.lowerBound, past: segments.upperBound)
    givenCount += segments.count
    ledger.update { $0.announceZero(segments) }
    plan.add(zero: segments)
  }

  /// The source has other groups there: says which of them differ.
  func receive(_ groups: GroupDigests) throws(TransferError) {
    try requireQuestions(about: groups.segment)
    try advance(to: groups.segment, past: groups.segment + 1)
    let copied = try copyGroups(groups)
    let own = if let copied { copied.own } else { try own(groups.segment) }
    let record = try SegmentRecord(
      segment: groups.segment, shape: shape, own: own,
      expectedGroups: groups, pagesOf: startsZero ? zeroPages : ownPages)
    if let copied, copied.copiedPageCount > 0 {
      let byteCount = copied.copiedPageCount * Geometry.pageByteCount
      record.noteCopied(byteCount)
      counters.add(UInt64(byteCount), to: .found)
    }
    connection.send(.differ(GroupMask(segment: groups.segment, groups: record.listedGroups)))
    ledger.update { $0.open(groups.segment) }
    records[groups.segment] = record
    if record.awaitsNames { awaitedCount += 1 }
    if awaitedCount > WireLimits.segmentsInQuestion {
      throw .breach("more segments are in question than may be")
    }
    // Nothing may differ any more: then what was read now is what the source has.
    close(record)
  }

  func receive(_ names: PageNames) throws(TransferError) {
    try requireQuestions(about: names.segment)
    let record: SegmentRecord
    if let announced = records[names.segment] {
      guard announced.awaitsNames, announced.listedGroups == names.groups else {
        throw .breach("names of pages in segment \(names.segment) that were not asked for")
      }
      record = announced
      awaitedCount -= 1
    } else {
      try advance(to: names.segment, past: names.segment + 1)
      record = try SegmentRecord(
        segment: names.segment, shape: shape, own: try own(names.segment), named: names.groups,
        pagesOf: ownPages)
      ledger.update { $0.open(names.segment) }
      records[names.segment] = record
    }
    record.take(names, shape: shape)
    namedCount += UInt64(record.openCost)
    if namedCount - closedCount > WireLimits.openNameCount {
      throw .breach("more names are open than may be")
    }
    plan.add(record.openPages, of: names.segment)
    plannedPageCount += record.openPages.count
    if !record.pagesToZero.isEmpty { plan.add(zeroPagesOf: names.segment) }
    close(record)
  }

  private func own(_ segment: Int) throws(TransferError) -> SegmentDigests? {
    if startsZero { return nil }
    switch scanMemory?.remembered(segment) {
    case .zero: return nil
    case .record(let record): return record.digests(pageCount: shape.pageCount(inSegment: segment))
    case .unknown, nil: break
    }
    do throws(StorageError) {
      return try reader.digests(of: segment)
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// Of a target that starts as zero.
  private func zeroPages(
    ofGroup group: Int, of segment: Int, remembered: Digest
  ) -> [Digest] {
    let first = group * Geometry.pagesPerGroup
    let end = min(first + Geometry.pagesPerGroup, shape.pageCount(inSegment: segment))
    return (first..<end).map { page in
      ZeroDigests.page(length: shape.pageLength(segment * Geometry.pagesPerSegment + page))
    }
  }

  /// The pages of one group, of which only the digest was remembered. If that was wrong the
  /// target was changed by somebody else, and another pass looks at all of it.
  private func ownPages(
    ofGroup group: Int, of segment: Int, remembered: Digest
  ) throws(TransferError) -> [Digest] {
    do throws(StorageError) {
      let pages = try reader.pages(ofGroup: group, of: segment)
      if let memory, SegmentDigests.group(pages.span) != remembered {
        if !memory.isDistrusted { unsettledPageCount += 1 }
        memory.distrust(segment)
      }
      return pages
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// Enters the segment's digest once all its pages are settled.
  func close(_ record: SegmentRecord) {
    guard record.isSettled else { return }
    let (entry, isAsAnnounced) = record.close(shape: shape)
    if isAsAnnounced {
      memory?.changed(record.segment, record.summary)
    } else {
      unsettledPageCount += 1
      unsettledSegments.insert(record.segment)
    }
    account(
      ledger.update { ledger in
        ledger.close(record.segment, entry)
        return ledger.totals
      })
    records[record.segment] = nil
    closedCount += UInt64(record.openCost)
  }
}
