// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The side of the conversation that has the bytes: announces what it has in ascending order,
/// names the pages where the target differs, sends what is asked for, and says at the end
/// whether the target's image is its own.
///
/// ## Concurrency
/// Three kinds of threads: the caller's scans and announces; one reads the connection and answers
/// `differ` at once; some read and send pages. They meet in `state` and `tasks`.
final class SourceRole: Sendable {
  let image: any CopySource
  let shape: ImageShape
  let job: Job
  let connection: Connection
  let counters: Counters
  private let headStart: HeadStart?
  /// Called once when the run has failed, before its threads are waited for.
  private let giveUp: @Sendable () -> Void
  let memory: SourceMemory
  let state = Monitor(SourceState())
  let tasks = BoundedQueue<PageSender.Task>(capacity: SourceRole.waitingPageCount)

  /// A source that changes faster than it is copied is given up after so many passes.
  static let maximumPassCount = 5
  /// More compress faster than any link takes it.
  private static let maximumSenderCount = 4
  /// Pages that wait to be read for a target that wants everything.
  private static let waitingPageCount = 16 << 10

  init(
    image: any CopySource, byteCount: UInt64, job: Job, connection: Connection,
    counters: Counters, memory: SourceMemory = .nothing, headStart: HeadStart? = nil,
    giveUp: @escaping @Sendable () -> Void
  ) {
    self.giveUp = giveUp
    self.memory = memory
    self.headStart = headStart
    self.image = image
    self.job = job
    self.connection = connection
    self.counters = counters
    shape = ImageShape(byteCount: byteCount)
  }

  /// What the conversation came to.
  struct Outcome {
    var completion: Completion
    /// What both ends agreed on.
    var imageDigest: Digest?
    var passCount: Int
    var notes: [String] = []
    var measurement: Measurement?
  }

  /// Holds the whole conversation after the handshake; `target` is what the other end said of
  /// itself.
  func run(target: TargetDescription) throws(TransferError) -> Outcome {
    let pilot = CompressionPilot(job.compression, isFirstCopy: target.startsZero)
    return try withThreads(pilot) { () throws(TransferError) in try converse(target: target) }
  }

  /// Only compares: one pass, and what the target found.
  func compare(with target: TargetDescription) throws(TransferError) -> Verdict {
    try withThreads(CompressionPilot(job.compression)) { () throws(TransferError) in
      _ = try pass(number: 1, target: target, memory: nil)
      return try state.await { $0.verdict }
    }
  }

  func withThreads<Answer>(
    _ pilot: CompressionPilot, _ body: () throws(TransferError) -> Answer
  ) throws(TransferError) -> Answer {
    let reader = WorkerThread { [self] in read() }
    let sender = PageSender(
      image: job.isLive ? HeldPages(image, state) : image, shape: shape, tasks: tasks,
      connection: connection,
      pilot: Monitor(pilot), fail: { [state] in state.fail($0) })
    let sending = (0..<senderCount).map { _ in WorkerThread { sender.run() } }
    connection.strands?.outgoing?.start { [tasks] lost in
      tasks.put(.pages(lost), weight: lost.pages.count, waits: false)
    }
    let result: Result<Answer, TransferError>
    do throws(TransferError) {
      result = .success(try body())
    } catch {
      result = .failure(error)
      connection.tell(error)
      giveUp()
    }
    tasks.abandon()
    for thread in sending { thread.join() }
    connection.strands?.stop()
    connection.stop()
    reader.join()
    return try result.get()
  }

  /// What comes unasked has to come in order, which only one can keep.
  private var senderCount: Int {
    let isOrdered = job.isWhole || job.operation != .copy
    return isOrdered ? 1 : min(WorkerThread.count(for: job.threadCount), Self.maximumSenderCount)
  }

  private func converse(target: TargetDescription) throws(TransferError) -> Outcome {
    var isEqual = false
    var isChanged = false
    for number in 1...Self.maximumPassCount {
      // What the first pass reads may have been read since the image was opened.
      let before = number == 1 ? image.identity : try identity()
      let isSettled = number == 1 ? memory.isSettled : before.isOlderThanTick
      let needsAllPages = target.startsZero && !target.seeksGroups && number == 1
      let wantedMemory = memory.scanMemory(passNumber: number, needsAllPages: needsAllPages)
      let scanMemory =
        number == 1 ? headStart?.memory(like: wantedMemory) ?? wantedMemory : wantedMemory
      let digest = try pass(number: number, target: target, memory: scanMemory)
      let settled = try state.await { $0.settled }
      let after = try identity()
      isChanged = after != before || state.peek { $0.hasChanged }
      if job.operation == .copy {
        try Self.requireSize(of: image, copied: shape.byteCount, now: after)
      }
      isEqual = settled.unsettledPageCount == 0 && settled.imageDigest == digest
      if job.operation != .copy || (isEqual && !isChanged) {
        let measurement = try appraise()
        var outcome = try finish(digest: isEqual ? digest : nil, passCount: number)
        outcome.measurement = measurement
        if isEqual && !isChanged {
          outcome.notes += [
            memory.close(
              scanMemory, identity: before, isSettled: isSettled, digest: digest,
              peer: connection.placed(target.name), name: image.name)
          ].compactMap(\.self)
        }
        if job.serverRole == .source {
          for note in outcome.notes { connection.note(note) }
        }
        return outcome
      }
      isChanged = isChanged || settled.unsettledPageCount > 0
    }
    throw isChanged ? Self.neverSettled(image.name) : neverEqual
  }

  func finish(digest: Digest?, passCount: Int) throws(TransferError) -> Outcome {
    state.update { $0.stage = .agreed }
    connection.send(.agreed)
    let completion = try state.await { $0.completion }
    return Outcome(completion: completion, imageDigest: digest, passCount: passCount)
  }

  func identity() throws(TransferError) -> ImageIdentity {
    do throws(StorageError) {
      return try image.currentIdentity()
    } catch {
      throw TransferError(.source, error)
    }
  }

  static func neverSettled(_ name: String) -> TransferError {
    TransferError(
      .source, "\(name): changed during each of \(maximumPassCount) passes",
      hint: "copy a snapshot of it, or stop what writes to it; run again to go on",
      status: .failed)
  }

  /// A source of which all was to be copied must not have more, or less, than was agreed: what is
  /// past the old end has nowhere been spoken of.
  static func requireSize(
    of image: any CopySource, copied: UInt64, now: ImageIdentity
  ) throws(TransferError) {
    if copied < image.byteCount || now.byteCount == image.byteCount { return }
    throw TransferError(
      .source,
      "\(image.name): its size changed during the run, from \(image.byteCount) bytes to "
        + "\(now.byteCount)",
      hint: "run again to go on; of what grows copy a snapshot", status: .failed)
  }

  var neverEqual: TransferError {
    TransferError(
      .target, "its digest differs from the source's after \(Self.maximumPassCount) passes",
      hint: "something else writes to the target, or its disk or memory is failing",
      status: .failed)
  }
}

// MARK: - One pass

extension SourceRole {
  /// Announces the whole image and gives its digest as it was read.
  func pass(
    number: Int, target: TargetDescription, memory: ScanMemory?
  ) throws(TransferError) -> Digest {
    state.update { $0.beginPass() }
    let width: DigestWidth = number > 1 || job.operation == .verify ? .full : .short
    let knownDigest = number == 1 ? self.memory.provedDigest : nil
    let isKnownEqual =
      knownDigest != nil && target.knownDigest == knownDigest && job.operation == .copy
    let isTargetKnown = !isKnownEqual && number == 1 && isKnown(target, memory)
    connection.send(
      .pass(
        PassStart(
          number: UInt16(number), isFull: width == .full, isKnownEqual: isKnownEqual,
          isTargetKnown: isTargetKnown)))
    counters.enter(.comparing)
    counters.set(.scanned, to: 0)
    if isKnownEqual, let knownDigest {
      say(scanned: knownDigest)
      return knownDigest
    }

    let isWhole = job.isWhole && number == 1 && job.operation == .copy
    var comparison: Announcer.Comparison =
      isWhole
      ? .none
      : target.startsZero && number == 1
        ? .withZero(asGroups: target.seeksGroups) : .withDigests
    if isTargetKnown, let memory { comparison = .withManifest(memory) }
    var announcer = Announcer(
      image: image, shape: shape, width: width, comparison: comparison, connection: connection,
      state: state,
      sender: tasks, counters: counters)
    let digest = try scan(memory) { (item) throws(TransferError) in try announcer.announce(item) }
    announcer.finish()
    say(scanned: digest, behindPages: isWhole)
    return digest
  }

  /// Where data is sent unasked, the end may be said only behind the last page.
  func say(scanned digest: Digest, behindPages: Bool = false) {
    let scanned = Message.scanned(
      Scanned(imageDigest: digest, scannedByteCount: shape.byteCount, zeroByteCount: 0))
    state.update { $0.stage = .scanned }
    if behindPages {
      tasks.put(.message(scanned))
    } else {
      connection.send(scanned)
    }
  }

  private func scan(
    _ memory: ScanMemory?, _ announce: (ImageScan.Item) throws(TransferError) -> Void
  ) throws(TransferError) -> Digest {
    let threadCount = WorkerThread.count(for: job.threadCount)
    let scan =
      headStart?.take(for: shape, believing: memory?.trust)
      ?? ImageScan(image: image, shape: shape, threadCount: threadCount, memory: memory)
    defer { scan.finish() }
    var folder = TreeFolder(shape: shape)
    while let item = try next(of: scan) {
      switch item {
      case .zero(let segments): folder.appendZeroSegments(segments.count)
      case .data(_, let digests): folder.append(segment: digests.digest)
      }
      try announce(item)
      // Whoever compares with what was remembered has done so now.
      if let memory, memory.notesChanges { Self.settle(item, in: memory) }
    }
    return folder.finish()
  }

  private static func settle(_ item: ImageScan.Item, in memory: ScanMemory) {
    switch item {
    case .zero(let segments):
      if segments.count == 1 { _ = memory.takeChange(of: segments.lowerBound) }
      memory.learn(zeros: segments)
    case .data(let segment, _): _ = memory.takeChange(of: segment)
    }
  }

  /// Whether what the target trusts its own manifest to say is what ours was closed for: after the
  /// last run from here to there both were the same.
  private func isKnown(_ target: TargetDescription, _ memory: ScanMemory?) -> Bool {
    guard let memory, memory.notesChanges, job.operation == .copy, !job.isWhole,
      !target.startsZero, target.byteCount == memory.manifest.shape.byteCount,
      let known = target.knownDigest
    else { return false }
    return known == self.memory.closedDigest
  }

  private func next(of scan: ImageScan) throws(TransferError) -> ImageScan.Item? {
    do throws(StorageError) {
      return try scan.next()
    } catch {
      throw TransferError(.source, error)
    }
  }
}
