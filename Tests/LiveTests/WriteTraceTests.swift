// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Qemu
import Testing
import Transfer

@testable import Live

@Suite(.serialized, .timeLimit(.minutes(2)), .needsTracing) struct WriteTraceTests {
  let scratch = Scratch()

  private func device(_ byteCount: UInt64 = 16 << 20) throws -> (LoopDevice, ImageShape) {
    (try LoopDevice(scratch, byteCount: byteCount), ImageShape(byteCount: byteCount))
  }

  private func taken(_ trace: WriteTrace, _ shape: ImageShape) throws -> (DirtySet, DirtyLoss?) {
    var dirty = DirtySet(shape: shape)
    let loss = try trace.take(into: &dirty)
    return (dirty, loss)
  }

  private func groups(_ dirty: DirtySet) -> [Int] {
    (0..<dirty.shape.segmentCount).flatMap { segment in
      (0..<Geometry.groupsPerSegment).filter { dirty[segment][$0] }
        .map { segment * Geometry.groupsPerSegment + $0 }
    }
  }

  /// Writing zeros and giving space back change what is read, and have letters of their own.
  @Test(arguments: [["-z"], []])
  func zerosAndDiscardsAreWrites(options: [String]) throws {
    let (device, shape) = try device()
    let trace = try WriteTrace(device.path, shape: shape)
    try trace.begin()
    defer { trace.end() }
    let words = ["blkdiscard", "-o", "131072", "-l", "65536"] + options + [device.path]
    try Command.run(words)
    let (dirty, loss) = try taken(trace, shape)
    #expect(groups(dirty) == [2])
    #expect(loss == nil)
    #expect(groups(try taken(trace, shape).0) == [])
  }

  @Test func aPartitionIsAPartOfItsDisk() throws {
    let (device, _) = try device()
    // From 1 MiB and a half on, 4 MiB.
    let partition = try device.addPartition(1, startSector: 3072, sectorCount: 8192)
    let shape = ImageShape(byteCount: 4 << 20)
    let trace = try WriteTrace(partition, shape: shape)
    try trace.begin()
    defer { trace.end() }
    try Command.run(
      "dd", "if=/dev/urandom", "of=\(partition)", "bs=64k", "seek=3", "count=1", "conv=fsync")
    // Before and behind it.
    try Command.run(
      "dd", "if=/dev/urandom", "of=\(device.path)", "bs=64k", "count=24", "conv=fsync")
    try Command.run(
      "dd", "if=/dev/urandom", "of=\(device.path)", "bs=64k", "seek=88", "count=8", "conv=fsync")
    let (dirty, loss) = try taken(trace, shape)
    #expect(groups(dirty) == [3])
    #expect(dirty.reportedByteCount == 65536)
    #expect(loss == nil)
  }

  /// A ring that nobody empties and that is too small: it is told, and all is dirty; after that
  /// the trace goes on.
  @Test func whatWasLostIsTold() throws {
    let (device, shape) = try device()
    let trace = try WriteTrace(device.path, shape: shape, ringKibibytes: 4, intervalSeconds: 1000)
    try trace.begin()
    defer { trace.end() }
    let write = ["dd", "if=/dev/urandom", "of=\(device.path)", "bs=4k", "oflag=direct"]
    try Command.run(write + ["count=2000"])
    let (dirty, loss) = try taken(trace, shape)
    #expect(loss?.reason.contains("events found no room") == true)
    #expect(dirty.groupCount == 256)
    try Command.run(write + ["count=1", "seek=32"])
    let (later, none) = try taken(trace, shape)
    #expect(groups(later) == [2])
    #expect(none == nil)
  }

  @Test func aTraceThatSomebodyEndsIsLost() throws {
    let (device, shape) = try device()
    let trace = try WriteTrace(device.path, shape: shape)
    try trace.begin()
    defer { trace.end() }
    #expect(try taken(trace, shape).1 == nil)
    guard case .remove(let path) = trace.undo.action else { return }
    try Command.run("sh", "-c", "echo 0 > \(path)/tracing_on")
    #expect(try taken(trace, shape).1 == DirtyLoss("somebody has switched the trace off"))
  }

  @Test func nothingIsLeftBehind() throws {
    let (device, shape) = try device()
    let place = try TraceInstance.tracingDirectory() + "/instances"
    // A process number that no living process can have had at that time.
    let dead = "\(place)/blkmove-2-1-1-trace"
    try FileManager.default.createDirectory(atPath: dead, withIntermediateDirectories: false)
    let other = "\(place)/somebody-\(getpid())"
    try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: false)
    defer { rmdir(other) }
    let trace = try WriteTrace(device.path, shape: shape)
    try trace.begin()
    #expect(scratch.isThere(trace))
    #expect(access(dead, F_OK) != 0)
    #expect(access(other, F_OK) == 0)
    trace.end()
    trace.end()
    #expect(!scratch.isThere(trace))
    #expect(throws: Never.self) { try trace.begin() }
    // As the guardian removes it, when its user is dead.
    #expect(scratch.isThere(trace))
    trace.end()
    guard case .remove(let path) = trace.undo.action else { return }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    var undo = Undo()
    undo.put(trace.undo)
    UndoPerformer { _ in }.perform(&undo)
    #expect(undo.isEmpty)
    #expect(!scratch.isThere(trace))
  }

  @Test func onlyDevicesAreTraced() throws {
    try Data([1]).write(to: URL(fileURLWithPath: scratch.file("file")))
    for path in [scratch.file("file"), scratch.file("none"), scratch.path] {
      #expect(throws: TransferError.self) {
        try WriteTrace(path, shape: ImageShape(byteCount: 1))
      }
    }
  }
}

extension Scratch {
  /// Whether a trace's directory is there.
  fileprivate func isThere(_ trace: WriteTrace) -> Bool {
    guard case .remove(let path) = trace.undo.action else { return false }
    return access(path, F_OK) == 0
  }
}

extension Trait where Self == ConditionTrait {
  /// The kernel's trace of what devices do.
  static var needsTracing: Self {
    .enabled("needs root, loop devices and tracefs") {
      LoopDevice.isPossible && (try? TraceInstance.tracingDirectory()) != nil
    }
  }
}
