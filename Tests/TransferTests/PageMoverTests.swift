// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Synchronization
import Testing
import Wire

@testable import Transfer

@Suite struct PageMoverTests {
  /// A target and a seed with content, and what moved and what did not.
  private final class Stage {
    let scratch = Scratch()
    let target: TargetImage
    let mover: PageMover
    var moved: [Int: Digest] = [:]
    var missed: [Int] = []

    static let old = Pages.content(600, tail: [1, 2, 3])
    static let seed = Pages.content(40, from: 5000, tail: [4])

    init(
      width: DigestWidth = .short, isDryRun: Bool = false, keepsSparse: Bool = true,
      _ faults: Faults? = nil
    ) throws {
      scratch.write(Self.old, to: "target.img")
      scratch.write(Self.seed, to: "seed.img")
      target = try scratch.openTarget(
        "target.img", for: UInt64(Self.old.byteCount), isDryRun: isDryRun,
        keepsSparse: keepsSparse, faults)
      mover = PageMover(
        target: target, images: [target, try scratch.openSource("seed.img")], width: width,
        isDryRun: isDryRun)
    }

    static func digest(_ page: Pages.Page) -> Digest {
      Pages.bytes(of: page).withUnsafeBytes { PageHasher.digest(of: $0) }
    }

    func move(_ page: Int, from image: Int, _ source: Int, as content: Pages.Page) -> PageMover.Move
    {
      PageMover.Move(
        page: page, from: PageLocation(image: image, page: source), name: Self.digest(content))
    }

    func run(_ moves: [PageMover.Move]) throws {
      try mover.move(
        moves, moved: { moved[$0.page] = $1 }, missed: { missed.append($0.page) })
    }

    func expect(_ changes: [Int: Pages.Page], _ comment: Comment = "") {
      var expected = Self.old
      for (page, content) in changes { expected.pages[page] = content }
      #expect(scratch.holds(expected, in: "target.img"), comment)
    }
  }

  @Test(arguments: [DigestWidth.short, .full])
  func whatBearsItsNameIsCopied(width: DigestWidth) throws {
    let stage = try Stage(width: width)
    let (old, seed) = (Stage.old.pages, Stage.seed.pages)
    try stage.run([
      stage.move(3, from: 0, 500, as: old[500]), stage.move(4, from: 0, 501, as: old[501]),
      stage.move(5, from: 1, 7, as: seed[7]), stage.move(9, from: 1, 8, as: old[8]),
      stage.move(10, from: 1, 9, as: seed[9]),
    ])
    #expect(stage.missed == [9])
    #expect(stage.moved[3] == Stage.digest(old[500]) && stage.moved.count == 4)
    stage.expect([3: old[500], 4: old[501], 5: seed[7], 10: seed[9]])
  }

  @Test func aBatchReadsEverythingBeforeItWrites() throws {
    let stage = try Stage()
    let old = Stage.old.pages
    // Each writes what another reads.
    try stage.run(
      (0..<256).map { stage.move($0, from: 0, ($0 + 1) % 256, as: old[($0 + 1) % 256]) })
    #expect(stage.moved.count == 256)
    stage.expect(Dictionary(uniqueKeysWithValues: (0..<256).map { ($0, old[($0 + 1) % 256]) }))
  }

  @Test func whatIsReadEarlySurvivesBeingOverwritten() throws {
    let stage = try Stage()
    let old = Stage.old.pages
    let early = stage.move(20, from: 0, 30, as: old[30])
    try stage.mover.readEarly(early)
    try stage.run([stage.move(30, from: 0, 20, as: old[20])])
    try stage.run([stage.move(19, from: 0, 29, as: old[29]), early])
    stage.expect([30: old[20], 19: old[29], 20: old[30]])
  }

  @Test func aShortNameIsNotEnoughAtFullWidth() throws {
    let stage = try Stage(width: .full)
    let full = Stage.digest(Stage.old.pages[8])
    var move = stage.move(1, from: 0, 8, as: Stage.old.pages[8])
    move.name = NameList.short([full.name]).padded(at: 0)
    try stage.run([move])
    #expect(stage.missed == [1])
    move.name = full
    try stage.run([move])
    #expect(stage.moved[1] == full)
  }

  @Test func aDryRunWritesNothing() throws {
    let stage = try Stage(isDryRun: true)
    try stage.run([stage.move(3, from: 1, 7, as: Stage.seed.pages[7])])
    #expect(stage.moved.count == 1)
    stage.expect([:])
  }

  @Test(arguments: [
    (0, 0, true), (0, 599, true), (0, 600, false), (0, 601, false), (0, 1 << 40, false),
    (1, 39, true), (1, 40, false), (1, 41, false), (2, 0, false), (30_000, 0, false),
  ])
  func onlyWholePagesThatThereAreAreOfUse(image: Int, page: Int, isUsable: Bool) throws {
    let stage = try Stage()
    #expect(stage.mover.isUsable(PageLocation(image: image, page: page)) == isUsable)
  }

  // MARK: Shared blocks

  /// Says the same to every attempt to share blocks, and remembers where it was made.
  private final class Clones: Sendable {
    let ranges = Mutex<[Range<UInt64>]>([])
    let verdict: SystemCallVerdict

    init(_ verdict: SystemCallVerdict) { self.verdict = verdict }

    var faults: Faults {
      Faults(
        on: .cloneRange,
        where: { [self] call in
          let start = call.offset ?? 0
          ranges.withLock { $0.append(start..<start + UInt64(call.byteCount ?? 0)) }
          return true
        }, { [self] _ in verdict })
    }

    var pages: [Range<UInt64>] {
      ranges.withLock { $0.map { $0.lowerBound / 4096..<$0.upperBound / 4096 } }
    }
  }

  private func seedRun(_ stage: Stage, _ pages: Range<Int>, from source: Int) -> [PageMover.Move] {
    pages.map { page in
      let place = source + page - pages.lowerBound
      return stage.move(page, from: 1, place, as: Stage.seed.pages[place])
    }
  }

  /// Where the kernel does not share, all is copied, and it is not asked again.
  @Test(arguments: [EOPNOTSUPP, EXDEV, EINVAL, ENOSPC])
  func whatCannotBeSharedIsCopied(_ number: Int32) throws {
    let clones = Clones(.fail(number))
    let stage = try Stage(clones.faults)
    try stage.run(seedRun(stage, 10..<30, from: 3))
    try stage.run(seedRun(stage, 50..<70, from: 4))
    #expect(clones.pages == [10..<30] && stage.missed == [] && stage.moved.count == 40)
    var expected: [Int: Pages.Page] = [:]
    for page in 0..<20 {
      expected[10 + page] = Stage.seed.pages[3 + page]
      expected[50 + page] = Stage.seed.pages[4 + page]
    }
    stage.expect(expected)
  }

  /// The kernel says that it shared, and the target holds something else: the seed was changed
  /// between the scan and now. What counts is what the target holds.
  @Test func whatIsSharedIsLookedAtInTheTarget() throws {
    let clones = Clones(.pretend)
    let stage = try Stage(clones.faults)
    try stage.run(
      seedRun(stage, 10..<30, from: 3) + [stage.move(40, from: 1, 0, as: Stage.seed.pages[0])])
    #expect(clones.pages == [10..<30])
    #expect(stage.missed == Array(10..<30) && Array(stage.moved.keys) == [40])
    stage.expect([40: Stage.seed.pages[0]])
  }

  @Test func onlyLongRunsAreShared() throws {
    let clones = Clones(.fail(EXDEV))
    let stage = try Stage(clones.faults)
    try stage.run(seedRun(stage, 10..<25, from: 3))
    // Neighbours here that are none there, and the other way round.
    try stage.run(seedRun(stage, 30..<40, from: 3) + seedRun(stage, 40..<50, from: 14))
    try stage.run(seedRun(stage, 60..<70, from: 3) + seedRun(stage, 71..<81, from: 13))
    #expect(clones.pages == [] && stage.missed == [])
    try stage.run(seedRun(stage, 90..<106, from: 3))
    #expect(clones.pages == [90..<106])
  }

  /// What one run overwrites another reads: that has to be in memory before.
  @Test func runsThatOverlapWithinTheTargetAreCopied() throws {
    let clones = Clones(.fail(EXDEV))
    let stage = try Stage(clones.faults)
    let old = Stage.old.pages
    let moves = (0..<100).map { stage.move($0, from: 0, $0 + 50, as: old[$0 + 50]) }
    try stage.run(moves)
    #expect(clones.pages == [])
    stage.expect(Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, old[$0 + 50]) }))
  }

  @Test func runsThatDoNotOverlapWithinTheTargetAreShared() throws {
    let clones = Clones(.fail(EXDEV))
    let stage = try Stage(clones.faults)
    let old = Stage.old.pages
    try stage.run((0..<100).map { stage.move($0, from: 0, $0 + 200, as: old[$0 + 200]) })
    #expect(clones.pages == [0..<100])
    stage.expect(Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, old[$0 + 200]) }))
  }

  @Test(arguments: [(true, true), (false, false)])
  func aDryRunAndATargetWithoutHolesShareNothing(isDryRun: Bool, keepsSparse: Bool) throws {
    let clones = Clones(.pretend)
    let stage = try Stage(isDryRun: isDryRun, keepsSparse: keepsSparse, clones.faults)
    try stage.run(seedRun(stage, 10..<30, from: 3))
    #expect(clones.pages == [] && stage.missed == [])
  }

  /// Groups that were shared and are not what they should be leave zeros, as they found them.
  @Test func sharedGroupsThatAreNotMeantBecomeZeros() throws {
    let clones = Clones(.pretend)
    let stage = try Stage(clones.faults)
    let copies = try stage.mover.readGroups(2, from: PageLocation(image: 1, page: 3), to: 32)
    #expect(copies.isShared && clones.pages == [32..<64])
    let second = Stage.old.pages[48..<64].map(Stage.digest)
    #expect(copies.groups[1].digest == SegmentDigests.group(second[...]))
    try stage.mover.keep(
      PageSet(firstPages: 32).subtracting(PageSet(firstPages: 16)), of: copies, at: 32)
    stage.expect(Dictionary(uniqueKeysWithValues: (32..<48).map { ($0, Pages.Page.zero) }))
  }

  @Test func groupsThatCannotBeSharedAreCopied() throws {
    let clones = Clones(.fail(EXDEV))
    let stage = try Stage(clones.faults)
    let copies = try stage.mover.readGroups(2, from: PageLocation(image: 1, page: 3), to: 32)
    #expect(!copies.isShared && copies.groups.allSatisfy { $0.zeroPages == 0 })
    try stage.mover.keep(PageSet(firstPages: 16), of: copies, at: 32)
    stage.expect(
      Dictionary(uniqueKeysWithValues: (0..<16).map { (32 + $0, Stage.seed.pages[3 + $0]) }))
  }
}
