// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage

/// Runs in which both images lie on this machine.
struct LocalRun {
  let settings: Settings
  let counters: Counters

  func copy(_ sourcePath: String, to targetPath: String) throws(TransferError) -> Report {
    let start = Clock.now
    let source = try open(sourcePath, .source, isForced: settings.isForced)
    let target = try openTarget(targetPath, for: source)
    counters.set(.imageByteCount, to: target.byteCount)
    counters.enter(.comparing)
    let copy = LocalCopy(source: source, target: target, settings: settings, counters: counters)
    var report = Report()
    do throws(TransferError) {
      (report.passCount, report.imageDigest) = try settle(copy)
      report.isVerified = report.imageDigest != nil
      if !settings.isDryRun { try copy.complete() }
    } catch {
      target.abandon()
      throw error
    }
    report.targetName = target.name
    report.imageByteCount = target.byteCount
    report.notes = source.notes + target.notes
    if settings.isEstimate {
      // How fast a disk takes what is written only writing could tell.
      report.estimate = Estimate(
        counters.snapshot, nil, settings: settings, comparisonSeconds: Clock.now - start,
        sendsMeanwhile: true)
    }
    if !settings.seeds.isEmpty {
      report.notes.append("seeds are of no use when the source itself is on this machine")
    }
    return report
  }

  /// Passes until the source has stood still during one of them, and while the target was read
  /// back; gives how many, and the digest that was confirmed.
  private func settle(
    _ copy: LocalCopy
  ) throws(TransferError) -> (passCount: Int, digest: Digest?) {
    for number in 1...SourceRole.maximumPassCount {
      counters.enter(.comparing)
      let before = try identity(of: copy.source)
      try copy.pass(number: number)
      if settings.isDryRun { return (number, nil) }
      try copy.synchronize()
      let confirmed = confirm(copy)
      // What has changed since it was copied says nothing about the target's disk.
      let after = try identity(of: copy.source)
      try SourceRole.requireSize(of: copy.source, copied: copy.target.byteCount, now: after)
      if after == before { return (number, try confirmed.get()) }
    }
    throw SourceRole.neverSettled(copy.source.name)
  }

  private func confirm(_ copy: LocalCopy) -> Result<Digest?, TransferError> {
    do throws(TransferError) {
      return .success(settings.verifiesTarget ? try copy.confirm() : nil)
    } catch {
      return .failure(error)
    }
  }

  func verify(_ sourcePath: String, against targetPath: String) throws(TransferError) -> Report {
    let source = try open(sourcePath, .source, isForced: true)
    let target = try open(targetPath, .target, isForced: true)
    counters.set(.imageByteCount, to: source.byteCount)
    counters.enter(.comparing)
    var report = Report()
    report.targetName = target.name
    report.imageByteCount = source.byteCount
    report.notes = source.notes + target.notes
    let agreed = ComparedLength.agree(
      settings.sizePolicy, source: source.byteCount, target: target.byteCount,
      targetKind: target.kind)
    guard let agreed else {
      report.tell(differentSizes: source.byteCount, target.byteCount)
      return report
    }
    let difference = try LocalComparison(
      source: source, target: target, byteCount: agreed, threadCount: threadCount,
      counters: counters
    ).run()
    report.isEqual = difference.byteCount == 0
    report.firstDifference = difference.first
    report.differingByteCount = difference.byteCount
    return report
  }

  func digest(of path: String) throws(TransferError) -> Digest {
    let image = try open(path, .source, isForced: settings.isForced)
    counters.set(.imageByteCount, to: image.byteCount)
    counters.enter(.comparing)
    return try ImageDigest.compute(
      of: image, byteCount: image.byteCount, threadCount: threadCount, end: .source,
      counters: counters)
  }

  private var threadCount: Int {
    WorkerThread.count(for: settings.threadCount)
  }

  private func open(
    _ path: String, _ end: TransferError.End, isForced: Bool
  ) throws(TransferError) -> any CopySource {
    do throws(StorageError) {
      return try ImageOpening.source(path, within: .anything, isForced: isForced)
    } catch {
      throw TransferError(end, error)
    }
  }

  private func openTarget(
    _ path: String, for source: any CopySource
  ) throws(TransferError) -> any CopyTarget {
    do throws(StorageError) {
      return try ImageOpening.target(
        TargetRequest(
          path: path, suggestedName: ImageOpening.baseName(of: source.name),
          sourceByteCount: source.byteCount, sourceIdentity: source.identity,
          sizePolicy: settings.sizePolicy, isForced: settings.isForced,
          isDryRun: settings.isDryRun, keepsSparse: settings.keepsSparse,
          isAtomic: settings.isAtomic),
        within: .anything)
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func identity(of image: any CopySource) throws(TransferError) -> ImageIdentity {
    do throws(StorageError) {
      return try image.currentIdentity()
    } catch {
      throw TransferError(.source, error)
    }
  }
}
