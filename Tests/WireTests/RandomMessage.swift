// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// Makes any message with random content that `shape` allows.
struct RandomMessage {
  var bits: RandomBits
  let width: DigestWidth
  let shape: ImageShape

  mutating func message(_ type: MessageType) -> Message {
    switch type {
    case .hello: hello()
    case .job: job()
    case .source: source()
    case .target: target()
    case .pass:
      .pass(
        PassStart(
          number: UInt16.random(in: 1...UInt16.max, using: &bits), isFull: bits.flip(),
          isKnownEqual: bits.flip(), isTargetKnown: bits.flip()))
    case .segments: .segments(runs())
    case .position: .position(bits.below(shape.segmentCount + 1))
    case .zero: .zero(segments())
    case .groups: groups()
    case .differ: differ()
    case .pages: pages()
    case .want: want()
    case .data: data()
    case .scanned:
      .scanned(
        Scanned(
          imageDigest: digest(), scannedByteCount: bits.next(), zeroByteCount: bits.next()))
    case .settled:
      .settled(Settled(imageDigest: digest(), unsettledPageCount: bits.next()))
    case .agreed: .agreed
    case .done: .done(Completion(isVerified: bits.flip(), counters: counters()))
    case .progress: .progress(counters())
    case .verdict: verdict()
    case .digest:
      .digest(ImageName(imageDigest: digest(), byteCount: bits.next() >> 4))
    case .failure: failure()
    case .closed: .closed(bits.next())
    case .strands: .strands(bits.below(WireLimits.strandCount + 1))
    case .invitation:
      .invitation(
        Invitation(
          name: String(bits.next(), radix: 16),
          token: JoinToken(low: bits.next(), high: bits.next())))
    case .join: .join(JoinToken(low: bits.next(), high: bits.next()))
    case .joined: .joined(1 + bits.below(WireLimits.strandCount))
    case .arrived:
      .arrived(
        StrandArrival(
          strand: 1 + bits.below(WireLimits.strandCount), batchCount: bits.next(),
          isOver: bits.flip()))
    case .leave: .leave(1 + bits.below(WireLimits.strandCount))
    case .probe:
      .probe(
        Probe(
          endsRound: bits.flip(),
          filler: bits.bytes(1 + bits.below(WireLimits.probeFillerByteCount))))
    case .probed: .probed(ProbeCount(byteCount: bits.next(), microseconds: bits.next()))
    case .appraisal:
      .appraisal(
        Appraisal(
          sampledByteCount: bits.next(), compressedByteCount: bits.next(),
          bytesPerSecond: bits.flip() ? nil : max(1, bits.next())))
    case .note: .note(text(atMost: WireLimits.textByteCount))
    case .round:
      .round(
        RoundStart(number: UInt32.random(in: 1...UInt32.max, using: &bits), isLast: bits.flip()))
    case .unsettled: .unsettled(segments())
    }
  }

  mutating func digest() -> Digest {
    Digest(bits.next(), bits.next(), bits.next(), bits.next())
  }

  private mutating func digests(_ count: Int) -> [Digest] {
    (0..<count).map { _ in digest() }
  }

  /// One to four bytes a character; nothing that would be escaped.
  private mutating func text(atMost limit: Int) -> String {
    var result = ""
    for _ in 0..<min(bits.below(limit / 4), bits.below(limit / 4)) {
      result.append("aZ. ~äß東京🚀".randomElement(using: &bits)!)
    }
    return result
  }

  private mutating func hello() -> Message {
    let version = UInt16.random(in: 1...UInt16.max, using: &bits)
    return .hello(
      Hello(
        version: version, oldestVersion: UInt16.random(in: 1...version, using: &bits),
        features: bits.next(), program: text(atMost: WireLimits.programByteCount)))
  }

  private mutating func job() -> Message {
    let level = Int.random(in: WireLimits.compressionLevels, using: &bits)
    let compressions: [Compression] = [.automatic, .none, .level(level)]
    return .job(
      Job(
        operation: Job.Operation.allCases.randomElement(using: &bits)!,
        serverRole: Job.Role.allCases.randomElement(using: &bits)!, isWhole: bits.flip(),
        keepsSparse: bits.flip(), isForced: bits.flip(), verifiesTarget: bits.flip(),
        keepsManifests: bits.flip(), readsSource: bits.flip(), isParanoid: bits.flip(),
        trustsTarget: bits.flip(), isAtomic: bits.flip(), isLive: bits.flip(),
        appearsAtOnce: bits.flip(),
        sizePolicy: Job.SizePolicy.allCases.randomElement(using: &bits)!,
        spotCheckCount: bits.below(1 << 16), threadCount: bits.below(WireLimits.threadCount + 1),
        indexMemoryByteCount: bits.next(),
        compression: compressions.randomElement(using: &bits)!,
        bandwidthLimit: bits.flip() ? nil : max(1, bits.next()),
        // A dot alone would not be a name.
        suggestedName: "x" + text(atMost: WireLimits.fileNameByteCount - 4),
        progressIntervalMilliseconds: UInt32(bits.below(3_600_001))))
  }

  private mutating func source() -> Message {
    .source(
      SourceDescription(
        byteCount: bits.next() >> 4,
        kind: SourceDescription.Kind.allCases.randomElement(using: &bits)!,
        name: text(atMost: WireLimits.nameByteCount),
        machine: text(atMost: WireLimits.machineByteCount), deviceNumber: bits.next(),
        inode: bits.next()))
  }

  private mutating func target() -> Message {
    let count = bits.below(WireLimits.notesPerMessage + 1)
    return .target(
      TargetDescription(
        byteCount: bits.next() >> 4, startsZero: bits.flip(), isNew: bits.flip(),
        wasUnfinished: bits.flip(),
        knownDigest: bits.flip() ? nil : Digest(bits.next(), bits.next(), bits.next(), bits.next()),
        name: text(atMost: WireLimits.nameByteCount),
        notes: (0..<count).map { _ in text(atMost: WireLimits.textByteCount) }))
  }

  private mutating func runs() -> SegmentRuns {
    var runs = SegmentRuns(first: bits.below(shape.segmentCount), width: width)
    let goal = bits.below(300) + 1
    repeat {
      let left = shape.segmentCount - runs.range.upperBound
      if bits.below(4) == 0 {
        runs.append(zeroSegments: 1 + bits.below(bits.flip() ? min(left, 5) : left))
      } else {
        runs.append(digest())
      }
    } while !runs.isFull && runs.segmentCount < goal
      && runs.range.upperBound < shape.segmentCount
    return runs
  }

  private mutating func segments() -> SegmentRange {
    let first = bits.below(shape.segmentCount)
    return SegmentRange(first: first, count: 1 + bits.below(shape.segmentCount - first))
  }

  private mutating func groupSet(of segment: Int) -> GroupSet {
    GroupSet(rawValue: UInt16.random(in: 0...UInt16.max, using: &bits)).intersection(
      GroupSet(firstGroups: shape.groupCount(inSegment: segment)))
  }

  mutating func pageSet(of segment: Int) -> PageSet {
    let mask = bits.flip() ? UInt64.max : bits.next() & bits.next() & bits.next()
    return PageSet(
      words: SIMD4(
        bits.next() & mask, bits.next() & mask, bits.next() & mask, bits.next() & mask)
    ).intersection(PageSet(firstPages: shape.pageCount(inSegment: segment)))
  }

  /// The last one, which may be short, as often as not.
  mutating func anySegment() -> Int {
    bits.flip() ? shape.segmentCount - 1 : bits.below(shape.segmentCount)
  }

  private mutating func groups() -> Message {
    let segment = anySegment()
    let groups = groupSet(of: segment)
    return .groups(
      GroupDigests(
        segment: segment, nonzeroGroups: groups,
        digests: NodeDigests(digests(groups.count), width: width)))
  }

  private mutating func differ() -> Message {
    let segment = anySegment()
    return .differ(GroupMask(segment: segment, groups: groupSet(of: segment)))
  }

  private mutating func pages() -> Message {
    let segment = anySegment()
    let groups = groupSet(of: segment)
    let pages = pageSet(of: segment).intersection(PageSet(pagesOf: groups))
    return .pages(
      PageNames(
        segment: segment, groups: groups, nonzeroPages: pages,
        names: NameList(digests(pages.count), width: width)))
  }

  private mutating func want() -> Message {
    let segment = anySegment()
    return .want(WantedPages(segment: segment, pages: pageSet(of: segment)))
  }

  private mutating func data() -> Message {
    var builder = DataBatchBuilder(shape: shape)
    for _ in 0...bits.below(4) {
      let segment = anySegment()
      var pages = builder.fitting(pageSet(of: segment), of: segment)
      if pages.isEmpty && builder.isEmpty { pages = PageSet(firstPages: 1) }
      if pages.isEmpty { break }
      let bytes = bits.flip() ? bits.bytes(4096) : [UInt8](repeating: 7, count: 4096)
      builder.append(pages, of: segment) { room in
        for start in stride(from: 0, to: room.count, by: bytes.count) {
          let part = min(bytes.count, room.count - start)
          UnsafeMutableRawBufferPointer(rebasing: room[start..<start + part])
            .copyBytes(from: bytes[..<part])
        }
      }
    }
    var parser = FrameParser(awaitsMagic: false)
    builder.finish(Compressor(), level: bits.flip() ? 1 : nil)
      .withUnsafeBytes { parser.append($0) }
    return try! Message(parser.next()!)
  }

  private mutating func counters() -> ProgressCounters {
    ProgressCounters(
      scanned: bits.next(), equal: bits.next(), zero: bits.next(), found: bits.next(),
      wanted: bits.next(), received: bits.next(), written: bits.next(), verified: bits.next())
  }

  private mutating func verdict() -> Message {
    .verdict(
      Verdict(
        imageDigest: digest(), isEqual: bits.flip(),
        firstDifference: bits.flip() ? nil : bits.next() >> 1, differingByteCount: bits.next()))
  }

  private mutating func failure() -> Message {
    let hint = text(atMost: WireLimits.textByteCount)
    return .failure(
      Failure(
        exitStatus: UInt8.random(in: 1...255, using: &bits),
        sentence: text(atMost: WireLimits.textByteCount), hint: hint.isEmpty ? nil : hint))
  }
}
