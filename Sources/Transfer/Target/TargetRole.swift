// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The side of the conversation that gets the bytes: tells what it has, keeps what is equal,
/// copies what it finds at its own end, asks for the rest, checks every page before it is
/// written, and finishes only when the source has agreed to the digest of the whole.
///
/// ## Concurrency
/// Three threads: the caller's is the engine, which alone plans and writes; one reads the
/// connection into `events`, and opens and hashes page data before it does; one scans, with
/// workers of its own. The queue of events is bounded by bytes, so that a slow disk slows the
/// source down.
final class TargetRole {
  enum Event: Sendable {
    case message(Message)
    case batch(ReceivedBatch)
    case scanEnded
    case failed(TransferError)
    /// From a further connection.
    case strand(IncomingStrands.Event)
    /// The other end is gone.
    case lost
  }

  let image: any CopyTarget
  private let seeds: [any ReadableImage]
  /// By their number, from 1: these need not be read to be of use.
  private let seedManifests: [Int: Manifest]
  let shape: ImageShape
  let job: Job
  let connection: Connection
  let counters: Counters
  /// Called once when the run has failed, before its threads are waited for.
  private let giveUp: @Sendable () -> Void
  /// Nil where no manifest is kept.
  let memory: TargetMemory?
  let events = BoundedQueue<Event>(capacity: TargetRole.waitingByteCount)
  /// By further connection, how many batches have come.
  var batchCounts: [Int: UInt64] = [:]
  /// Of a live copy, from its first round on.
  var rounds: TargetRounds?
  /// What the last pass of a live copy left open.
  var unsettledSegments: Set<Int> = []
  private var probeClock = ProbeClock()
  private var comparedAt = 0.0
  /// What the user was told of the image, or will be told with its description.
  private let toldNotes: Set<String>

  /// Message bytes that wait for the engine.
  private static let waitingByteCount = 6 << 20

  init(
    image: any CopyTarget, seeds: [any ReadableImage], seedManifests: [Int: Manifest] = [:],
    job: Job, connection: Connection, counters: Counters, memory: TargetMemory? = nil,
    giveUp: @escaping @Sendable () -> Void
  ) {
    self.giveUp = giveUp
    self.memory = memory
    self.image = image
    toldNotes = Set(image.notes)
    self.seeds = seeds
    self.seedManifests = seedManifests
    self.job = job
    self.connection = connection
    self.counters = counters
    shape = ImageShape(byteCount: image.byteCount)
  }

  /// What the conversation came to.
  struct Outcome {
    var imageDigest: Digest?
    var passCount: Int
    var isVerified: Bool
    var measurement: Measurement?
  }

  /// Holds the whole conversation after the handshake.
  func run() throws(TransferError) -> Outcome {
    let (connection, shape, events) = (connection, shape, events)
    let reader = WorkerThread { Self.read(connection, shape, into: events) }
    let result: Result<Outcome, TransferError>
    do throws(TransferError) {
      result = .success(try converse())
    } catch {
      result = .failure(error)
      // What has arrived need not be read again by the run that goes on.
      try? memory?.checkpoint()
      image.abandon()
      tellNewNotes()
      connection.tell(error)
      giveUp()
    }
    events.abandon()
    connection.strands?.stop()
    connection.stop()
    reader.join()
    return try result.get()
  }

  /// What came up of the image since it was opened. A client keeps it for its report.
  private func tellNewNotes() {
    guard job.serverRole == .target else { return }
    for note in image.notes where !toldNotes.contains(note) { connection.note(note) }
  }

  private static func read(
    _ connection: Connection, _ shape: ImageShape, into events: BoundedQueue<Event>
  ) {
    let decompressor = Decompressor()
    do throws(TransferError) {
      // What comes for a run that has failed is dropped, but taken off the wire: the source
      // that sends it would not end before.
      var isWanted = true
      while let message = try connection.receive() {
        guard isWanted else { continue }
        if case .data(let batch) = message {
          let event = open(batch, shape, decompressor)
          isWanted = events.put(event, weight: message.weight)
        } else {
          isWanted = events.put(.message(message), weight: message.weight)
        }
      }
      events.put(.lost, waits: false)
    } catch {
      events.put(.failed(error), waits: false)
    }
  }

  private static func open(
    _ batch: DataBatch, _ shape: ImageShape, _ decompressor: Decompressor
  ) -> Event {
    do throws(WireError) {
      return .batch(try ReceivedBatch(batch, shape: shape, using: decompressor))
    } catch {
      return .failed(TransferError(error))
    }
  }

  private func converse() throws(TransferError) -> Outcome {
    var passCount = 0
    var digest: Digest?
    var measurement: Measurement?
    while true {
      switch try nextMessage() {
      case .pass(let start):
        // Only the first one may count on what the target was before.
        guard Int(start.number) == passCount + 1 else {
          throw .breach("pass \(start.number) follows pass \(passCount)")
        }
        passCount += 1
        if passCount == 1 { listenToStrands() }
        rounds = nil
        digest = try pass(start)
      case .round(let start):
        guard passCount > 0 else { throw .breach("a round before any pass") }
        digest = try round(start)
      case .agreed:
        guard passCount > 0 else { throw .breach("'agreed' before any pass") }
        let (isVerified, finalIdentity) = try finish(digest)
        tellNewNotes()
        connection.send(
          .done(Completion(isVerified: isVerified, counters: counters.forTheOtherEnd)))
        // The other end waits for the word with a machine that stands still.
        if job.isLive, let finalIdentity, let digest {
          memory?.close(identity: finalIdentity, digest: digest)
        }
        return Outcome(
          imageDigest: digest, passCount: passCount, isVerified: isVerified,
          measurement: measurement)
      case .probe(let probe) where job.operation == .measure:
        if let count = try probeClock.take(probe) { connection.send(.probed(count)) }
      case .appraisal(let appraisal) where job.operation == .measure:
        measurement = Measurement(appraisal: appraisal, comparedAt: comparedAt)
      case let message:
        throw .breach("'\(message.name)' between two passes")
      }
    }
  }

  /// The next message outside of a pass.
  private func nextMessage() throws(TransferError) -> Message {
    while true {
      switch events.take() {
      case .message(.progress(let progress)): counters.take(progress, from: .source)
      case .message(.failure(let failure)):
        throw TransferError(.source, failure, from: connection.otherEnd)
      case .message(let message): return message
      case .batch: throw .breach("'data' between two passes")
      case .strand(let event):
        if try batch(of: event) != nil { throw .breach("'data' between two passes") }
      case .failed(let error): throw error
      case .lost, nil: throw .lost
      case .scanEnded: continue
      }
    }
  }
}

// MARK: - One pass

extension TargetRole {
  private func pass(_ start: PassStart) throws(TransferError) -> Digest? {
    counters.enter(.comparing)
    if start.isKnownEqual { return try passKnownEqual(start) }
    if start.isTargetKnown {
      guard start.number == 1, job.operation == .copy, !job.isWhole, memory?.knownDigest != nil
      else { throw .breach("the source counts on a manifest that is not trusted here") }
    }
    if start.number == 1 { try remember { (memory) throws(StorageError) in try memory.begin() } }
    let pass = TargetPass(
      target: image, shape: shape,
      parameters: TargetPass.Parameters(
        number: Int(start.number), isTargetKnown: start.isTargetKnown, width: start.width,
        job: job, seeds: seeds, seedManifests: seedManifests,
        memory: memory),
      connection: connection, counters: counters)
    let scanner = TargetScanner(
      image: image, seeds: seeds, remembered: Set(seedManifests.keys), shape: shape,
      width: start.width,
      threadCount: job.threadCount, connection: connection, ledger: pass.ledger,
      index: pass.index, memory: pass.scanMemory, visitZeros: { [image] in image.dig($0) })
    var threads: [WorkerThread] = []
    let writeback = job.operation == .copy ? EarlyWriteback(image) : nil
    defer {
      scanner.stop()
      for thread in threads { thread.join() }
      writeback?.stop()
    }
    if !pass.isWhole {
      let scansTarget = !pass.startsZero && !pass.isTargetKnown
      threads.append(
        scan { () throws(StorageError) in try scanner.run(scansTarget: scansTarget) })
    }
    if pass.index != nil {
      pass.startIndexing = { [self] in
        threads.append(scan { () throws(StorageError) in try scanner.indexTarget() })
      }
      if !seedManifests.isEmpty {
        pass.startIndexingSeeds = { [self] in
          threads.append(scan { () throws(StorageError) in try scanner.indexRemembered() })
        }
      }
    }
    defer {
      pass.startIndexing = nil
      pass.startIndexingSeeds = nil
    }
    while !pass.isOver { try handleNext(of: pass) }
    try pass.requireWholeImage()
    return try settle(pass)
  }

  /// The source knows that its image is what this end's manifest says: nothing is to be done.
  private func passKnownEqual(_ start: PassStart) throws(TransferError) -> Digest? {
    guard start.number == 1, let known = memory?.knownDigest else {
      throw .breach("the source counts on a manifest that is not trusted here")
    }
    let message = try nextMessage()
    guard case .scanned(let scanned) = message, scanned.imageDigest == known else {
      throw .breach("'\(message.name)' in a pass in which nothing is to be compared")
    }
    counters.set(.scanned, to: image.byteCount)
    counters.set(.equal, to: image.byteCount)
    connection.send(.settled(Settled(imageDigest: known, unsettledPageCount: 0)))
    return known
  }

  private func remember(
    _ body: (TargetMemory) throws(StorageError) -> Void
  ) throws(TransferError) {
    guard let memory else { return }
    do throws(StorageError) {
      try body(memory)
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func scan(_ body: @escaping @Sendable () throws(StorageError) -> Void) -> WorkerThread {
    let events = events
    return WorkerThread {
      do throws(StorageError) {
        try body()
        events.put(.scanEnded, waits: false)
      } catch {
        events.put(.failed(TransferError(.target, error)), waits: false)
      }
    }
  }

  private func handleNext(of pass: TargetPass) throws(TransferError) {
    let seconds = pass.planDeadline.map { max($0 - Clock.now, 0) } ?? Self.idleSeconds
    switch events.take(seconds: seconds) {
    case .item(.message(let message)): try handle(message, in: pass)
    case .item(.batch(let batch)): try pass.receive(batch)
    case .item(.strand(let event)):
      if let batch = try batch(of: event) { try pass.receive(batch) }
    case .item(.scanEnded): pass.isScanOver = true
    case .item(.failed(let error)): throw error
    case .item(.lost), .closed: throw .lost
    case .nothingYet: break
    }
    do throws(StorageError) {
      try pass.proceed()
    } catch {
      throw TransferError(.target, error)
    }
  }

  private static let idleSeconds = 60.0

  private func handle(_ message: Message, in pass: TargetPass) throws(TransferError) {
    switch message {
    case .position(let segment): try pass.receive(position: segment)
    case .zero(let segments): try pass.receive(zero: segments.range)
    case .groups(let groups): try pass.receive(groups)
    case .pages(let names): try pass.receive(names)
    case .scanned(let scanned):
      guard pass.sourceDigest == nil else { throw .breach("'scanned' twice in a pass") }
      pass.sourceDigest = scanned.imageDigest
    case .progress(let progress): counters.take(progress, from: .source)
    case .failure(let failure): throw TransferError(.source, failure, from: connection.otherEnd)
    default: throw .breach("'\(message.name)' is not for a target within a pass")
    }
  }

  /// Everything is written: makes it stable, then says what the image is now.
  private func settle(_ pass: TargetPass) throws(TransferError) -> Digest? {
    let digest = pass.ledger.peek { $0.digest() }
    if job.operation == .copy {
      counters.enter(.finishing)
      do throws(StorageError) {
        try image.synchronize()
      } catch {
        throw TransferError(.target, error)
      }
    }
    if job.operation == .measure {
      comparedAt = Clock.now
      for piece in pass.sample.pieces.shuffled() { connection.send(.want(piece)) }
    }
    if job.isLive { try leaveOpen(pass) }
    connection.send(
      .settled(Settled(imageDigest: digest, unsettledPageCount: pass.unsettledPageCount)))
    return pass.unsettledPageCount == 0 && digest == pass.sourceDigest ? digest : nil
  }

  /// What was written to the source while it was read is for the rounds to settle.
  private func leaveOpen(_ pass: TargetPass) throws(TransferError) {
    unsettledSegments = pass.unsettledSegments
    try remember { (memory) throws(StorageError) in try memory.checkpoint() }
    for segment in unsettledSegments.sorted() {
      connection.send(.unsettled(SegmentRange(first: segment, count: 1)))
    }
  }

  /// The source has agreed: reads back what was asked to be verified, and puts the image in
  /// its place. Gives whether it was read back, and what it is now.
  private func finish(
    _ digest: Digest?
  ) throws(TransferError) -> (isVerified: Bool, ImageIdentity?) {
    if job.operation != .copy { return (false, nil) }
    guard let digest else { throw .breach("'agreed' to an image that is not the source's") }
    var isVerified = false
    if job.verifiesTarget {
      counters.enter(.verifying)
      try ReadBack(image, threadCount: job.threadCount, counters: counters).confirm(digest)
      isVerified = true
    }
    counters.enter(.finishing)
    do throws(StorageError) {
      let (memory, isLive) = (memory, job.isLive)
      let identity = Monitor<ImageIdentity?>(nil)
      try image.complete(remember: { settled in
        identity.peek { $0 = settled }
        if !isLive { memory?.close(identity: settled, digest: digest) }
      })
      counters.enter(.done)
      return (isVerified, identity.peek { $0 })
    } catch {
      throw TransferError(.target, error)
    }
  }
}
