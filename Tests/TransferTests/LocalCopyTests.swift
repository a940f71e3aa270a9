// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing

@testable import Transfer

@Suite struct LocalCopyTests {
  private static func copy(
    _ scratch: Scratch, _ settings: Settings, source: (any SystemCallHook)? = nil,
    target: (any SystemCallHook)? = nil
  ) throws -> Counters.Snapshot {
    let source = try scratch.openSource("source.img", source)
    let target = try scratch.openTarget(
      "target.img", for: source.byteCount, isDryRun: settings.isDryRun,
      keepsSparse: settings.keepsSparse, target)
    let counters = Counters()
    let copy = LocalCopy(source: source, target: target, settings: settings, counters: counters)
    try copy.pass(number: 1)
    if !settings.isDryRun { try copy.synchronize() }
    if settings.verifiesTarget { _ = try copy.confirm() }
    try copy.complete()
    return counters.snapshot
  }

  @Test(arguments: ConversationTests.Images.ways)
  func theTargetBecomesTheSource(way: String) throws {
    var random = Random.printed(test: "LocalCopy.theTargetBecomesTheSource(\(way))")
    for _ in 0..<6 {
      let images = ConversationTests.Images(way, using: &random)
      let scratch = Scratch()
      scratch.write(images.source, to: "source.img")
      if let target = images.target { scratch.write(target, to: "target.img") }
      var settings = Settings()
      settings.isWhole = random.chance(0.3)
      settings.keepsSparse = random.chance(0.5)
      settings.verifiesTarget = random.chance(0.3)
      settings.threadCount = random.below(4)
      let comment: Comment = "seed \(random.seed): \(images.testDescription), \(settings)"
      if !settings.isWhole {
        var dry = settings
        dry.isDryRun = true
        dry.verifiesTarget = false
        let foretold = try Self.copy(scratch, dry)
        let total = foretold.equal + foretold.zero + foretold.wanted
        #expect(total == UInt64(images.source.byteCount), comment)
        #expect(scratch.exists("target.img") == (images.target != nil), comment)
      }
      let counters = try Self.copy(scratch, settings)
      #expect(scratch.holds(images.source, in: "target.img"), comment)
      let total = counters.equal + counters.zero + counters.sent
      #expect(total == UInt64(images.source.byteCount), "\(comment): \(counters)")
      #expect(counters.scanned == UInt64(images.source.byteCount), comment)
      #expect(scratch.unfinishedMarks == [], comment)
    }
  }

  @Test func holesStayHoles() throws {
    let scratch = Scratch()
    let image = Pages((0..<2000).map { $0 == 1000 ? .content(1) : $0 % 2 == 0 ? .hole : .zero })
    scratch.write(image, to: "source.img")
    scratch.write(Pages.content(2000), to: "target.img")
    _ = try Self.copy(scratch, Settings())
    #expect(scratch.holds(image, in: "target.img"))
    var status = stat()
    stat(scratch.file("target.img"), &status)
    #expect(status.st_blocks <= 64)
  }

  struct Fault: CustomTestStringConvertible, Sendable {
    var end: TransferError.End
    var call: SystemCall.Name
    var error = EIO
    var isNew = false
    var sentence: String
    var testDescription: String { "\(end): \(call)" }
  }

  @Test(arguments: [
    Fault(end: .source, call: .read, sentence: ": read "),
    Fault(end: .target, call: .read, sentence: ": read "),
    Fault(end: .target, call: .write, error: ENOSPC, sentence: "No space left on device"),
    Fault(end: .target, call: .write, error: ENOSPC, isNew: true, sentence: "No space left"),
    Fault(end: .target, call: .punchHole, sentence: ": zero "),
    Fault(end: .target, call: .synchronizeData, sentence: ": flush: Input/output error"),
    Fault(end: .target, call: .rename, error: EACCES, isNew: true, sentence: ": rename: "),
  ])
  func errorsNameTheEnd(test: Fault) throws {
    let scratch = Scratch()
    scratch.write(
      Pages((0..<900).map { $0 < 300 ? .zero : .content(UInt64($0)) }), to: "source.img")
    if !test.isNew { scratch.write(Pages.content(900), to: "target.img") }
    let faults = Faults(test.call, fails: test.error)
    let isSource = test.end == .source
    let error = #expect(throws: TransferError.self) {
      try Self.copy(
        scratch, Settings(), source: isSource ? faults : nil, target: isSource ? nil : faults)
    }
    #expect(error?.end == test.end && error?.status == .failed)
    #expect(error?.sentence.contains("/\(test.end).img: ") == true)
    #expect(error?.sentence.contains(test.sentence) == true, "\(error?.sentence ?? "")")
    #expect(scratch.exists("target.img") == !test.isNew)
  }

  @Test func theRateIsKeptInSmallPieces() throws {
    let scratch = Scratch()
    scratch.write(Pages.content(75), to: "source.img")
    // How much was written at which moment.
    let writes = Monitor<[(count: Int, moment: Double)]>([])
    let watch = Watch { call in
      guard call.name == .write else { return }
      writes.update { $0.append((call.byteCount ?? 0, Clock.now)) }
    }
    var settings = Settings()
    settings.bandwidthLimit = 1_000_000
    let start = Clock.now
    _ = try Self.copy(scratch, settings, target: watch)
    #expect((0.25..<5).contains(Clock.now - start))
    let counts = writes.peek { $0.map(\.count) }
    #expect(counts.reduce(0, +) == 75 * 4096)
    #expect(counts.allSatisfy { $0 <= 20_480 }, "a burst of \(counts.max() ?? 0) bytes")
  }

  /// Sees every call.
  private final class Watch: SystemCallHook {
    private let see: @Sendable (SystemCall) -> Void
    init(_ see: @escaping @Sendable (SystemCall) -> Void) { self.see = see }

    func verdict(on call: SystemCall) -> SystemCallVerdict {
      see(call)
      return .proceed
    }
  }
}
