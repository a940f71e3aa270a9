// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Testing
import Transfer

@testable import Live

/// What every dirty source has to promise, asked of all of them: an image that is followed by it,
/// while somebody writes in every way there is, is the image in the end.
@Suite(
  .serialized, .timeLimit(.minutes(3)), .needsRootAnd("mkfs.ext4", "mkfs.xfs", "mkfs.btrfs"))
struct DirtySourceTests {
  enum Kind: CaseIterable, Sendable {
    case rescan, traceOfExt4, traceOfXfs, traceOfBtrfs, reflinkOnXfs, reflinkOnBtrfs, qemuBitmap

    /// Nil where a machine writes.
    var fileSystem: MountedDisk.Kind? {
      switch self {
      case .traceOfExt4: .ext4
      case .rescan, .traceOfXfs, .reflinkOnXfs: .xfs
      case .traceOfBtrfs, .reflinkOnBtrfs: .btrfs
      case .qemuBitmap: nil
      }
    }

    /// A file system on a device is followed as a whole; else a file of it.
    var isOfDevice: Bool { [.traceOfExt4, .traceOfXfs, .traceOfBtrfs].contains(self) }

    var isPossible: Bool {
      if self == .qemuBitmap { return IdleMachine.isPossible }
      return !isOfDevice || (try? TraceInstance.tracingDirectory()) != nil
    }
  }

  static let kinds = Kind.allCases.filter(\.isPossible)

  /// An image, its source, and those who write to it.
  private final class Site {
    let source: any DirtySource
    let shape: ImageShape
    let readPath: String
    private let disk: MountedDisk?
    private let machine: WrittenMachine?
    private let isOfDevice: Bool
    private let scratch = Scratch()
    private var writers: [RandomWriter] = []
    private var churn: Churn?

    init(_ kind: Kind) throws {
      isOfDevice = kind.isOfDevice
      guard let fileSystem = kind.fileSystem else {
        let machine = try WrittenMachine(byteCount: 12 << 20, in: scratch)
        (disk, self.machine, source, readPath) = (nil, machine, machine.tracker, machine.path)
        shape = ImageShape(byteCount: 12 << 20)
        return
      }
      // Smaller ones are refused.
      let diskByteCount: UInt64 = fileSystem == .ext4 ? 64 << 20 : 320 << 20
      let disk = try MountedDisk(fileSystem, byteCount: diskByteCount, in: scratch)
      (self.disk, machine) = (disk, nil)
      let file = disk.file("file")
      try Data(count: 12 << 20).write(to: URL(fileURLWithPath: file))
      shape = ImageShape(byteCount: kind.isOfDevice ? diskByteCount : 12 << 20)
      readPath = kind.isOfDevice ? disk.device.backing : file
      source =
        switch kind {
        case .rescan, .qemuBitmap: Rescan()
        case .reflinkOnXfs, .reflinkOnBtrfs: try ReflinkDifference(file, shape: shape)
        case .traceOfExt4, .traceOfXfs, .traceOfBtrfs:
          try WriteTrace(disk.device.path, shape: shape)
        }
    }

    func startWriting(_ random: inout Random) throws {
      machine?.start(&random)
      guard let disk else { return }
      for number in 0..<(isOfDevice ? 3 : 1) {
        writers.append(
          RandomWriter(
            disk.file(number == 0 ? "file" : "file\(number)"), byteCount: 12 << 20,
            random: &random))
      }
      if isOfDevice { churn = try Churn(in: disk.path) }
    }

    func stopWriting() -> Int {
      churn?.stop()
      for writer in writers { writer.stop() }
      return writers.reduce(machine?.stop() ?? 0) { $0 + $1.count }
    }

    /// While nobody writes any more.
    func paused(_ body: () throws -> Void) throws {
      if isOfDevice, let disk { try disk.frozen(body) } else { try body() }
    }
  }

  @Test(arguments: kinds)
  func nothingThatIsWrittenIsMissed(kind: Kind) throws {
    var random = Random.fresh(for: "nothingThatIsWrittenIsMissed")
    let site = try Site(kind)
    try site.startWriting(&random)
    var follower = try Follower(site.source, site.readPath, shape: site.shape)
    defer { follower.close() }
    for _ in 0..<5 {
      usleep(150_000)
      try follower.follow()
    }
    #expect(site.stopWriting() > 50)
    try site.paused {
      try follower.follow()
      #expect(follower.differences() == [])
    }
    #expect(follower.losses == [])
    if kind != .rescan {
      #expect(follower.groupCount < 6 * site.shape.segmentCount * Geometry.groupsPerSegment)
    }
    site.source.end()
  }

  /// The same must fail when a part of the last round is left out.
  @Test(arguments: kinds.filter { [.traceOfExt4, .reflinkOnXfs, .qemuBitmap].contains($0) })
  func whatIsLeftOutIsSeen(kind: Kind) throws {
    var random = Random.fresh(for: "whatIsLeftOutIsSeen")
    let site = try Site(kind)
    try site.startWriting(&random)
    var follower = try Follower(site.source, site.readPath, shape: site.shape)
    defer { follower.close() }
    usleep(600_000)
    _ = site.stopWriting()
    try site.paused {
      try follower.follow { $0 % 2 == 0 }
      #expect(follower.differences() != [])
    }
    site.source.end()
  }

  @Test(arguments: kinds)
  func anImageAtRestIsNotDirty(kind: Kind) throws {
    let site = try Site(kind)
    try site.paused {
      try site.source.begin()
      for _ in 0..<2 {
        var dirty = DirtySet(shape: site.shape)
        #expect(try site.source.take(into: &dirty) == nil)
        #expect(dirty.isEmpty || kind == .rescan)
      }
    }
  }

  /// Whoever is not tracking must not say that nothing was written.
  @Test(arguments: kinds)
  func withoutTrackingAllIsDirty(kind: Kind) throws {
    let site = try Site(kind)
    func takesAll() throws -> Bool {
      var dirty = DirtySet(shape: site.shape)
      var all = DirtySet(shape: site.shape)
      all.insertAll()
      let loss = try site.source.take(into: &dirty)
      return loss != nil || (kind == .rescan && dirty.groupCount == all.groupCount)
    }
    #expect(try takesAll())
    try site.source.begin()
    site.source.end()
    site.source.end()
    #expect(try takesAll())
  }

  /// What a source adds, it adds to what is there.
  @Test(arguments: kinds)
  func whatWasDirtyStaysDirty(kind: Kind) throws {
    let site = try Site(kind)
    try site.source.begin()
    var dirty = DirtySet(shape: site.shape)
    dirty.insert(0..<1)
    #expect(try site.source.take(into: &dirty) == nil)
    #expect(dirty[0][0])
    site.source.end()
  }
}
