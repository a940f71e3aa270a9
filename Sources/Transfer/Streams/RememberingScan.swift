// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Scans a source once from its beginning to its end, with what is remembered of it, and remembers
/// what was learned. A source that changes meanwhile is an error: nobody is there with whom it
/// could be settled.
struct RememberingScan {
  let image: any CopySource
  let settings: Settings
  let counters: Counters

  struct Outcome {
    var imageDigest: Digest
    var notes: [String]
  }

  func run(
    _ visit: (ImageScan.Item) throws(TransferError) -> Void
  ) throws(TransferError) -> Outcome {
    let shape = ImageShape(byteCount: image.byteCount)
    let memory = SourceMemory(
      of: image, job: Job(settings, serverRole: .source), at: settings.manifest)
    let scanMemory = memory.scanMemory(passNumber: 1, needsAllPages: false)
    counters.set(.imageByteCount, to: image.byteCount)
    counters.enter(.comparing)

    let scan = ImageScan(
      image: image, shape: shape, threadCount: WorkerThread.count(for: settings.threadCount),
      memory: scanMemory)
    defer { scan.finish() }
    var folder = TreeFolder(shape: shape)
    while let item = try next(of: scan) {
      switch item {
      case .zero(let segments): folder.appendZeroSegments(segments.count)
      case .data(_, let digests): folder.append(segment: digests.digest)
      }
      try visit(item)
      let end = shape.segmentRange(folder.segmentCount - 1).upperBound
      counters.set(.scanned, to: end)
    }
    let digest = folder.finish()
    try requireUnchanged()
    let lost = memory.close(
      scanMemory, identity: image.identity, isSettled: memory.isSettled, digest: digest, peer: "",
      name: image.name)
    return Outcome(
      imageDigest: digest, notes: image.notes + memory.notes + [lost].compactMap(\.self))
  }

  /// The image must be what it was when it was opened. A device does not tell.
  func requireUnchanged() throws(TransferError) {
    do throws(StorageError) {
      if try image.currentIdentity() == image.identity { return }
    } catch {
      throw TransferError(.source, error)
    }
    throw Self.changed(image.name)
  }

  static func changed(_ name: String) -> TransferError {
    TransferError(
      .source, "\(name): changed while it was read",
      hint: "take a snapshot of it, or stop what writes to it, and run again", status: .failed)
  }

  private func next(of scan: ImageScan) throws(TransferError) -> ImageScan.Item? {
    do throws(StorageError) {
      return try scan.next()
    } catch {
      throw TransferError(.source, error)
    }
  }
}

extension Job {
  /// What is asked of the one end that a piece of a pipe is.
  init(_ settings: Settings, serverRole: Role) {
    self.init(
      operation: settings.isDryRun ? .estimate : .copy, serverRole: serverRole,
      keepsSparse: settings.keepsSparse, isForced: settings.isForced,
      verifiesTarget: settings.verifiesTarget, keepsManifests: settings.manifest != .none,
      readsSource: settings.readsSource, isParanoid: settings.isParanoid,
      trustsTarget: settings.trustsTarget, isAtomic: settings.isAtomic,
      sizePolicy: SizePolicy(settings.sizePolicy),
      spotCheckCount: settings.spotCheckCount, threadCount: settings.threadCount,
      indexMemoryByteCount: settings.indexMemoryByteCount, compression: settings.compression,
      bandwidthLimit: settings.bandwidthLimit)
  }
}
