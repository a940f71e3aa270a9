// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Copies a stream to an image. How long it is nobody knows before its end, and nothing of it is
/// kept elsewhere: each mebibyte is compared with what the target has in its place, and what
/// differs is written.
///
/// A stream that ends early because its producer died looks like one that is complete; only an
/// empty one is refused.
struct AbsorbRun {
  let settings: Settings
  let counters: Counters
  let announce: Announce

  func run(_ input: ByteInput, to target: Location) throws(TransferError) -> Report {
    counters.enter(.comparing)
    switch target {
    case .local(let path): return try absorb(input, to: path)
    case .remote(let location):
      return try RemoteRun(
        location: location, settings: settings, counters: counters, announce: announce
      ).absorb(input)
    }
  }

  /// To an image of this machine.
  private func absorb(_ input: ByteInput, to path: String) throws(TransferError) -> Report {
    let job = Job(settings, serverRole: .target)
    let target = try Self.open(path, within: .anything, for: job)
    var report = Report()
    do throws(TransferError) {
      let (byteCount, digest) = try copy(input, to: target)
      report.imageByteCount = byteCount
      report.imageDigest = digest
      counters.enter(.finishing)
      target.end(at: byteCount)
      try stored { () throws(StorageError) in try target.synchronize() }
      if settings.verifiesTarget {
        counters.enter(.verifying)
        try ReadBack(
          target, byteCount: byteCount, threadCount: settings.threadCount, counters: counters
        ).confirm(digest)
        report.isVerified = true
      }
      try stored { () throws(StorageError) in try target.complete() }
    } catch {
      target.abandon()
      throw error
    }
    report.targetName = target.name
    report.notes = target.notes
    return report
  }

  private func copy(
    _ input: ByteInput, to target: any CopyTarget
  ) throws(TransferError) -> (byteCount: UInt64, digest: Digest) {
    let room = ImageShape(byteCount: target.byteCount)
    let buffer = PageBuffer(byteCount: Geometry.segmentByteCount)
    let limiter = settings.bandwidthLimit.map { Monitor(RateLimiter(bytesPerSecond: $0)) }
    var folder = TreeFolder(shape: room)
    let reader = SegmentReader(image: target, shape: room)
    var byteCount: UInt64 = 0
    while true {
      let count = try Self.fill(buffer, from: input)
      if count == 0 { break }
      let segment = folder.segmentCount
      byteCount += UInt64(count)
      try Self.require(byteCount, room: room, of: target.name)
      counters.set(.imageByteCount, to: byteCount)
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
      folder.append(segment: unsafe SegmentDigests.hashing(bytes).digest)
      let isLast = count < Geometry.segmentByteCount
      // The last one has the length of the stream, whatever the target has behind it.
      let shape = isLast ? ImageShape(byteCount: byteCount) : room
      let own = isLast ? SegmentReader(image: target, shape: shape) : reader
      let writer = PairWriter(
        target: target, shape: shape, isDryRun: false, knowsTarget: true, counters: counters,
        limiter: limiter)
      try stored { () throws(StorageError) in
        let hasData = try own.read(segment)
        let theirs = unsafe hasData ? own.bytes(of: segment) : nil
        try writer.write(
          unsafe PairWalk.Pair(segment: segment, source: bytes, target: theirs))
      }
      if isLast { break }
    }
    try Self.require(byteCount, isForced: settings.isForced, from: input.name)
    return (byteCount, folder.finish(byteCount: byteCount))
  }

  private func stored(_ body: () throws(StorageError) -> Void) throws(TransferError) {
    do throws(StorageError) {
      try body()
    } catch {
      throw TransferError(.target, error)
    }
  }
}

extension AbsorbRun {
  static func open(
    _ path: String, within policy: PathPolicy, for job: Job
  ) throws(TransferError) -> any CopyTarget {
    do throws(StorageError) {
      return try ImageOpening.target(
        TargetRequest(
          path: path, suggestedName: "", sourceByteCount: 0, isForced: job.isForced,
          keepsSparse: job.keepsSparse, isOpenEnded: true, isAtomic: job.isAtomic),
        within: policy)
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// The next segment; less only at the end. While nothing comes, `check` may end the waiting.
  static func fill(
    _ buffer: PageBuffer, from input: ByteInput,
    check: () throws(TransferError) -> Void = {}
  ) throws(TransferError) -> Int {
    var filled = 0
    while filled < buffer.byteCount {
      while !input.hasBytes(withinSeconds: 1) { try check() }
      let count: Int
      do throws(StorageError) {
        count = try unsafe input.read(
          into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[filled...]))
      } catch {
        throw TransferError(.stream, error)
      }
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  static func require(
    _ byteCount: UInt64, room: ImageShape, of name: String
  ) throws(TransferError) {
    if byteCount <= room.byteCount { return }
    throw TransferError(
      .target, "\(name): is smaller than the stream: it has \(room.byteCount) bytes",
      hint: "what fitted was written; take a larger device", status: .failed)
  }

  /// Nothing at all is what a producer leaves that could not begin.
  static func require(
    _ byteCount: UInt64, isForced: Bool, from name: String
  ) throws(TransferError) {
    if byteCount > 0 || isForced { return }
    throw TransferError(
      .stream, "\(name): is empty, and nothing was changed",
      hint: "see what was to produce it; --force makes the target empty", status: .refused)
  }
}
