// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@testable import Transfer

/// A record is given what two random segments say, its pages are settled in any order, and it must
/// end with the digest of the source's segment.
@Suite struct SegmentRecordTests {
  private static func random(_ count: Int, _ tail: Int, using random: inout Random) -> Pages {
    Pages(
      (0..<count).map { _ in random.pick([.zero, .zero, .content(UInt64(random.below(6)))]) },
      tail: (0..<tail).map { _ in UInt8(random.pick([0, 3])) })
  }

  /// The target's pages, with some groups of the source's.
  private static func related(_ pages: Pages, using random: inout Random) -> Pages {
    var result = pages
    for page in result.pages.indices where random.chance(0.02) {
      result.pages[page] = random.pick([.zero, .content(99)])
    }
    if random.chance(0.5) { result.tail = result.tail.map { _ in 0 } }
    return result
  }

  private struct Sides {
    var source: Pages
    var target: Pages
    var shape: ImageShape { source.shape }

    init(using random: inout Random) {
      let (count, tail) = (random.pick([1, 15, 16, 17, 200, 256]), random.pick([0, 0, 5]))
      source = SegmentRecordTests.random(count, count == 256 ? 0 : tail, using: &random)
      target =
        random.chance(0.5)
        ? SegmentRecordTests.related(source, using: &random)
        : SegmentRecordTests.random(count, source.tail.count, using: &random)
    }

    func digest(ofPage page: Int) -> Digest { source.digests(of: 0).pages[page] }
  }

  private static func record(_ sides: Sides, _ width: DigestWidth, hasGroups: Bool) -> SegmentRecord
  {
    let own = sides.target.digests(of: 0)
    guard hasGroups, case .groups(let groups) = sides.source.groups(of: 0, width: width) else {
      return try! SegmentRecord(
        segment: 0, shape: sides.shape, own: own.isZero ? nil : own, expectedGroups: nil)
    }
    return try! SegmentRecord(segment: 0, shape: sides.shape, own: own, expectedGroups: groups)
  }

  @Test(arguments: [DigestWidth.short, .full], [false, true])
  func settledPagesMakeTheSourcesSegment(width: DigestWidth, hasGroups: Bool) {
    var random = Random.printed()
    for _ in 0..<40 {
      let sides = Sides(using: &random)
      let comment: Comment = "seed \(random.seed): \(sides)"
      let expected = sides.source.digests(of: 0)
      let own = sides.target.digests(of: 0)
      let record = Self.record(sides, width, hasGroups: hasGroups)
      for group in 0..<own.groups.count where hasGroups {
        let differs = own.groups[group] != expected.groups[group]
        #expect(record.listedGroups[group] == differs, comment)
      }
      if record.awaitsNames {
        guard
          case .pages(let names) = sides.source.names(
            of: 0, in: record.listedGroups, width: width)
        else { return }
        record.take(names, shape: sides.shape)
      }
      check(record, sides, comment)
      for page in Array(record.openPages).shuffled(using: &random) {
        record.ask(PageSet(only: page))
        #expect(!record.isSettled && record.askedPages[page], comment)
        record.settle(page, as: sides.digest(ofPage: page))
      }
      if !record.pagesToZero.isEmpty { #expect(!record.isSettled, comment) }
      record.zerosWritten(shape: sides.shape)
      #expect(record.isSettled && record.askedPages.isEmpty, comment)
      let (entry, isAsAnnounced) = record.close(shape: sides.shape)
      #expect(isAsAnnounced && entry.digest == expected.digest, comment)
      let zero = sides.shape.byteCount(of: expected.zeroPages, inSegment: 0)
      #expect(entry.zeroByteCount == zero, comment)
    }
  }

  /// What is open, and what is to become zero, is exactly what differs.
  private func check(_ record: SegmentRecord, _ sides: Sides, _ comment: Comment) {
    let (source, target) = (sides.source.digests(of: 0), sides.target.digests(of: 0))
    for page in 0..<source.pages.count {
      let differs = source.pages[page] != target.pages[page]
      #expect(record.openPages[page] == (differs && !source.zeroPages[page]), comment)
      #expect(record.pagesToZero[page] == (differs && source.zeroPages[page]), comment)
      if record.openPages[page] { #expect(record[page].name == source.pages[page].name, comment) }
    }
    let groupCount = record.listedGroups.count
    #expect(record.openCost == (groupCount == 0 ? 0 : 32 + 16 * groupCount), comment)
  }

  /// Of a target that is zero only the named groups are kept, and the others stay as they are.
  @Test func namesOfOneGroupMakeASegmentOfZeros() {
    var source = Pages(Array(repeating: .zero, count: 256))
    source.pages[37] = .content(1)
    guard case .pages(let names) = source.names(of: 0, in: GroupSet(only: 2)) else { return }
    let record = try! SegmentRecord(segment: 0, shape: source.shape, own: nil, named: names.groups)
    #expect(record.listedGroups == names.groups && record.awaitsNames)
    record.take(names, shape: source.shape)
    #expect(Array(record.openPages) == [37])
    record.settle(37, as: source.digests(of: 0).pages[37])
    let (entry, isAsAnnounced) = record.close(shape: source.shape)
    #expect(isAsAnnounced && entry.digest == source.digests(of: 0).digest)
  }

  @Test func whatIsNotAsAnnouncedIsNotClosedAsSuch() {
    let (source, target) = (Pages.content(20), Pages.content(20, from: 100))
    guard case .groups(let groups) = source.groups(of: 0),
      case .pages(let names) = source.names(of: 0), case .pages(let others) = target.names(of: 0)
    else { return }
    func make() -> SegmentRecord {
      try! SegmentRecord(
        segment: 0, shape: source.shape, own: target.digests(of: 0), expectedGroups: groups)
    }
    let left = make()
    left.take(names, shape: source.shape)
    for page in Array(left.openPages) {
      if page == 3 {
        left.leaveUnsettled(PageSet(only: page))
      } else {
        left.settle(page, as: source.digests(of: 0).pages[page])
      }
    }
    #expect(left.isSettled && left.isUnsettled)
    #expect(!left.close(shape: source.shape).isAsAnnounced)
    #expect(left.close(shape: source.shape).entry.changedByteCount == 20 * 4096)
    // Names that are not those of the groups.
    let lied = make()
    lied.take(others, shape: source.shape)
    #expect(lied.isSettled && !lied.isUnsettled)
    #expect(!lied.close(shape: source.shape).isAsAnnounced)
  }
}
