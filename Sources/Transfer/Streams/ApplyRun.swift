// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Makes of an image that is here what a delta says, in place.
///
/// Nothing is written before the whole outline has come and the target has been found to be what
/// the delta was made against, or what an interrupted run of the same delta left. Nothing is
/// written that does not bear its digest.
struct ApplyRun {
  let settings: Settings
  let counters: Counters

  func run(_ bytes: ByteInput, to path: String) throws(TransferError) -> Report {
    let input = StreamInput(bytes, .delta, counters: counters)
    try input.checkWhole()
    guard case .delta(let start) = try input.next() else {
      throw input.error("does not begin with what it is for")
    }
    let target = try open(path, for: start)
    counters.set(.imageByteCount, to: target.byteCount)
    do throws(TransferError) {
      return try run(input, start, target)
    } catch {
      target.abandon()
      throw error
    }
  }

  private func open(_ path: String, for start: DeltaStart) throws(TransferError) -> any CopyTarget {
    do throws(StorageError) {
      return try ImageOpening.target(
        TargetRequest(
          path: path, suggestedName: "", sourceByteCount: start.imageByteCount,
          isForced: settings.isForced, isDryRun: settings.isDryRun,
          keepsSparse: settings.keepsSparse, isAtomic: settings.isAtomic,
          // A part file is what another delta left, perhaps; the target itself is whole.
          goesOn: false),
        within: .anything)
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func run(
    _ input: StreamInput, _ start: DeltaStart, _ target: any CopyTarget
  ) throws(TransferError) -> Report {
    try requireSize(of: target, start)
    let finding = target.findManifest(settings.manifest)
    let memory = TargetMemory(
      finding, of: target, job: Job(settings, serverRole: .target), peer: start.name)
    try memory?.spotCheck()
    try stored { () throws(StorageError) in try memory?.begin() }
    let taker = DeltaTaker(
      input: input, target: target, memory: memory, isDryRun: settings.isDryRun,
      counters: counters)
    var report = Report()
    do throws(TransferError) {
      let outline = try check(input, target, memory)
      report.changedSegmentCount = outline.agreement.changedSegmentCount
      report.imageDigest = outline.agreement.imageDigest
      report.isAlreadyDone = outline.isResult && outline.agreement.changedSegmentCount > 0
      let writeback = settings.isDryRun ? nil : EarlyWriteback(target)
      defer { writeback?.stop() }
      try taker.take(outline)
    } catch {
      // What has been done need not be read again by the run that goes on.
      if taker.hasWritten { try? memory?.checkpoint() }
      throw taker.hasWritten ? Self.half(error) : error
    }
    try finish(target, memory, &report)
    report.targetName = target.name
    report.imageByteCount = target.byteCount
    report.notes = target.notes + [finding.note].compactMap(\.self) + (memory?.notes ?? [])
    return report
  }

  private static func half(_ error: TransferError) -> TransferError {
    var error = error
    if error.hint == nil {
      error.hint = "the target is marked as unfinished; apply the same delta, whole, to go on"
    }
    return error
  }

  /// A file that is as long as neither of the two images is another one.
  private func requireSize(
    of target: any CopyTarget, _ start: DeltaStart
  ) throws(TransferError) {
    let current = target.currentByteCount
    if target.isNew && !target.wasUnfinished && start.baseByteCount > 0 {
      throw refusal(
        target,
        "there is nothing yet, and the delta was made against "
          + "\(start.baseByteCount) bytes")
    }
    if target.kind == .device || target.isNew || current == start.baseByteCount
      || current == start.imageByteCount
    {
      return
    }
    throw refusal(
      target,
      "has \(current) bytes; the delta makes \(start.imageByteCount) of "
        + "\(start.baseByteCount)")
  }

  private func refusal(_ target: any CopyTarget, _ sentence: String) -> TransferError {
    TransferError(
      .target, "\(target.name): \(sentence)",
      hint: "a delta fits only the image that its manifest was made of; make a new one",
      status: .refused)
  }

  /// Reads the outline, and scans the target in step with it.
  private func check(
    _ input: StreamInput, _ target: any CopyTarget, _ memory: TargetMemory?
  ) throws(TransferError) -> DeltaTaker.Outline {
    counters.enter(.comparing)
    let shape = ImageShape(byteCount: target.byteCount)
    let scan = ImageScan(
      image: target, shape: shape, threadCount: WorkerThread.count(for: settings.threadCount),
      memory: memory?.scanMemory(passNumber: 1))
    defer { scan.finish() }
    var check = OutlineCheck(shape: shape, counters: counters)
    while !check.isComplete {
      guard case .outline(let outline) = try input.next(), outline.first == check.segmentCount
      else { throw input.error("its outline has a gap") }
      for run in outline.runs {
        try check.add(run) { () throws(TransferError) in try next(of: scan) }
      }
    }
    guard case .agreement(let agreement) = try input.next(), check.agrees(with: agreement) else {
      throw input.error("its outline does not have the digest that it says it has")
    }
    try require(check.finding, of: target, shape)
    return DeltaTaker.Outline(
      agreement: agreement, chain: check.chainDigest(), isResult: check.finding.isResult)
  }

  private func require(
    _ finding: OutlineCheck.Finding, of target: any CopyTarget, _ shape: ImageShape
  ) throws(TransferError) {
    // A segment that was being written when a run was interrupted may be anything.
    let torn = target.wasUnfinished ? nil : finding.firstTorn
    let first = [finding.firstForeign, torn].compactMap(\.self).min()
    guard let first else { return }
    throw refusal(
      target,
      "is not what the delta was made against: it differs first in the 1 MiB from byte "
        + "\(shape.segmentRange(first).lowerBound) on")
  }

  private func next(of scan: ImageScan) throws(TransferError) -> ImageScan.Item? {
    do throws(StorageError) {
      return try scan.next()
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func finish(
    _ target: any CopyTarget, _ memory: TargetMemory?, _ report: inout Report
  ) throws(TransferError) {
    if settings.isDryRun { return target.abandon() }
    guard let digest = report.imageDigest else { return }
    counters.enter(.finishing)
    try stored { () throws(StorageError) in try target.synchronize() }
    if settings.verifiesTarget {
      counters.enter(.verifying)
      try ReadBack(target, threadCount: settings.threadCount, counters: counters)
        .confirm(digest)
      report.isVerified = true
    }
    try stored { () throws(StorageError) in
      try target.complete(remember: { memory?.close(identity: $0, digest: digest) })
    }
  }

  private func stored(_ body: () throws(StorageError) -> Void) throws(TransferError) {
    do throws(StorageError) {
      try body()
    } catch {
      throw TransferError(.target, error)
    }
  }
}
