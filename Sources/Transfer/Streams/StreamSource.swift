// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The source of a conversation whose image is a stream: reads it once, compares each segment with
/// what the target says of its own, and keeps what differs until the target has said which pages of
/// it it lacks. How long the image is it says at the end.
///
/// ## Concurrency
/// Three threads: the caller's reads and announces; one reads the connection; one sends pages.
/// They meet in `state`, `window` and `tasks`.
final class StreamSource: Sendable {
  private let input: ByteInput
  private let job: Job
  private let connection: Connection
  private let counters: Counters
  private let target: TargetDescription
  /// As if the image filled all the room that the target has.
  private let room: ImageShape
  private let window: StreamWindow
  private let state = Monitor(SourceState())
  private let pilot: Monitor<CompressionPilot>
  private let tasks = BoundedQueue<PageSender.Task>(capacity: 16 << 10)
  /// For the short last segment, whose pages have another shape.
  private let lastTasks = BoundedQueue<PageSender.Task>(capacity: 16 << 10)
  private let lastShape = Monitor<ImageShape?>(nil)

  /// The target learns at least this often how far the comparison is.
  private static let positionInterval = 32

  struct Outcome {
    var byteCount: UInt64
    var imageDigest: Digest
    var completion: Completion
  }

  init(
    _ input: ByteInput, job: Job, connection: Connection, target: TargetDescription,
    counters: Counters
  ) {
    self.input = input
    self.job = job
    self.connection = connection
    self.target = target
    self.counters = counters
    room = ImageShape(byteCount: target.byteCount)
    window = StreamWindow(name: input.name, byteCount: target.byteCount)
    pilot = Monitor(CompressionPilot(job.compression))
  }

  func run(giveUp: @Sendable () -> Void) throws(TransferError) -> Outcome {
    connection.agree(on: room)
    connection.send(.pass(PassStart(number: 1, isFull: true)))
    let reader = WorkerThread { [self] in read() }
    let sending = send(tasks, room)
    let result: Result<Outcome, TransferError>
    do throws(TransferError) {
      result = .success(try converse(sending))
    } catch {
      result = .failure(error)
      connection.tell(error)
      giveUp()
      tasks.abandon()
      sending.join()
    }
    window.close()
    connection.stop()
    reader.join()
    return try result.get()
  }

  private func send(
    _ tasks: BoundedQueue<PageSender.Task>, _ shape: ImageShape
  ) -> WorkerThread {
    let sender = PageSender(
      image: window, shape: shape, tasks: tasks, connection: connection, pilot: pilot,
      fail: { [state] in state.fail($0) })
    return WorkerThread { sender.run() }
  }

  private func converse(_ sending: WorkerThread) throws(TransferError) -> Outcome {
    var folder = TreeFolder(shape: room)
    var byteCount: UInt64 = 0
    var last: PageBuffer?
    var told = 0
    while last == nil {
      guard let buffer = window.take() else { try failed() }
      let count = try AbsorbRun.fill(buffer, from: input) { () throws(TransferError) in
        if let failure = state.peek({ $0.failure }) { throw failure }
      }
      byteCount += UInt64(count)
      try AbsorbRun.require(byteCount, room: room, of: target.name)
      if let failure = state.peek({ $0.failure }) { throw failure }
      if count < Geometry.segmentByteCount {
        last = buffer
        break
      }
      let bytes = unsafe UnsafeRawBufferPointer(buffer.bytes)
      let digests = unsafe SegmentDigests.hashing(bytes)
      let segment = folder.segmentCount
      folder.append(segment: digests.digest)
      try announce(segment, digests, buffer, &told)
      counters.set(.imageByteCount, to: byteCount)
      counters.set(.scanned, to: byteCount)
      if segment + 1 - told >= Self.positionInterval { tell(segment + 1, &told) }
    }
    try AbsorbRun.require(byteCount, isForced: job.isForced, from: input.name)
    tell(folder.segmentCount, &told)
    window.drain()
    tasks.put(.message(.source(StreamSource.description(input.name, byteCount))), waits: false)
    tasks.close()
    sending.join()
    if let failure = state.peek({ $0.failure }) { throw failure }
    if let last { try finish(last, byteCount, &folder) }
    return try end(byteCount, folder.finish(byteCount: byteCount))
  }

  private func failed() throws(TransferError) -> Never {
    throw state.peek { $0.failure } ?? .lost
  }

  static func description(_ name: String, _ byteCount: UInt64) -> SourceDescription {
    SourceDescription(
      byteCount: byteCount, kind: .file, name: name, machine: "", deviceNumber: 0, inode: 0)
  }

  private func tell(_ position: Int, _ told: inout Int) {
    connection.send(.position(position))
    told = position
  }

  /// Says what a segment has, if the target does not have it.
  private func announce(
    _ segment: Int, _ digests: SegmentDigests, _ buffer: PageBuffer, _ told: inout Int
  ) throws(TransferError) {
    switch try piece(for: segment, &told) {
    case .zero where digests.isZero:
      counters.add(UInt64(Geometry.segmentByteCount), to: .zero)
    case .digest(let theirs, let index) where theirs.matches(digests.digest, at: index):
      let same = room.byteCount(of: digests.dataPages, inSegment: segment)
      counters.add(UInt64(same), to: .equal)
      counters.add(UInt64(Geometry.segmentByteCount - same), to: .zero)
    case .digest where digests.isZero:
      connection.send(.zero(SegmentRange(first: segment, count: 1)))
      counters.add(UInt64(Geometry.segmentByteCount), to: .zero)
    case .zero, .digest:
      window.hold(buffer, of: segment, pages: digests.dataPages)
      connection.send(.pages(digests.allNames(of: segment)))
      return
    }
    window.giveBack(buffer)
  }

  private func piece(for segment: Int, _ told: inout Int) throws(TransferError) -> TargetRuns.Piece
  {
    if target.startsZero { return .zero(count: 1) }
    if let piece = state.peek({ $0.runs.take(upTo: 1) }) { return piece }
    // While we wait the target must know how far we are: its scan may be waiting for us.
    if segment > told { tell(segment, &told) }
    return try state.await { $0.runs.take(upTo: 1) }
  }

  /// The end of the stream, and the short segment before it, if there is one.
  private func finish(
    _ buffer: PageBuffer, _ byteCount: UInt64, _ folder: inout TreeFolder
  ) throws(TransferError) {
    let shape = ImageShape(byteCount: byteCount)
    let segment = folder.segmentCount
    guard segment < shape.segmentCount else { return }
    let length = shape.segmentLength(segment)
    let digests = unsafe SegmentDigests.hashing(
      UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length]))
    folder.append(segment: digests.digest)
    lastShape.update { $0 = shape }
    window.hold(buffer, of: segment, pages: digests.dataPages)
    let sending = send(lastTasks, shape)
    connection.send(.pages(digests.allNames(of: segment)))
    window.drain()
    lastTasks.close()
    sending.join()
    counters.set(.imageByteCount, to: byteCount)
    counters.set(.scanned, to: byteCount)
  }

  private func end(_ byteCount: UInt64, _ digest: Digest) throws(TransferError) -> Outcome {
    if let failure = state.peek({ $0.failure }) { throw failure }
    state.update { $0.stage = .scanned }
    connection.send(
      .scanned(
        Scanned(imageDigest: digest, scannedByteCount: byteCount, zeroByteCount: 0)))
    counters.enter(.finishing)
    let settled = try state.await { $0.settled }
    guard settled.imageDigest == digest, settled.unsettledPageCount == 0 else {
      throw TransferError(
        .target, "\(target.name): its digest differs from that of the stream",
        hint: "something else writes to the target, or its disk or memory is failing",
        status: .failed)
    }
    state.update { $0.stage = .agreed }
    connection.send(.agreed)
    let completion = try state.await { $0.completion }
    return Outcome(byteCount: byteCount, imageDigest: digest, completion: completion)
  }
}

// MARK: - What the target says

extension StreamSource {
  /// Runs on a thread of its own, and never waits for the wire.
  private func read() {
    do throws(TransferError) {
      while let message = try connection.receive() {
        if state.peek({ $0.failure }) != nil { continue }
        try handle(message)
      }
      if state.peek({ $0.completion }) == nil { state.fail(.lost) }
    } catch {
      state.fail(error)
    }
    window.close()
    tasks.abandon()
    lastTasks.abandon()
  }

  private func handle(_ message: Message) throws(TransferError) {
    switch message {
    case .segments(let runs): try receive(runs)
    case .want(let wanted): try queue(wanted)
    case .settled(let settled):
      try require(.scanned, for: message)
      state.update { $0.settled = settled }
    case .done(let completion):
      try require(.agreed, for: message)
      state.update { $0.completion = completion }
    // What is where is known here.
    case .progress: break
    case .failure(let failure): throw TransferError(.target, failure, from: connection.otherEnd)
    default: throw .breach("'\(message.name)' is not for a stream")
    }
  }

  private func require(
    _ stage: SourceState.Stage, for message: Message
  ) throws(TransferError) {
    if state.peek({ $0.stage }) != stage {
      throw .breach("'\(message.name)' before '\(stage)'")
    }
  }

  private func receive(_ runs: SegmentRuns) throws(TransferError) {
    let (room, limit) = (room, WireLimits.waitingDigestCount)
    let problem = state.update { state -> String? in
      guard state.runs.append(runs) else { return "segments out of order" }
      if state.runs.end > room.segmentCount { return "segments past the end of the image" }
      if state.runs.waitingDigestCount > limit { return "too many segments ahead" }
      return nil
    }
    if let problem { throw .breach(problem) }
  }

  private func queue(_ wanted: WantedPages) throws(TransferError) {
    let last = lastShape.peek { $0 }
    let shape = last ?? room
    guard wanted.segment < shape.segmentCount,
      wanted.pages.isSubset(
        of: PageSet(firstPages: shape.pageCount(inSegment: wanted.segment)))
    else { throw .breach("pages past the end of the image are asked for") }
    let byteCount =
      wanted.pages.isEmpty ? 0 : shape.byteCount(of: wanted.pages, inSegment: wanted.segment)
    let named = window.want(wanted.pages, byteCount: byteCount, of: wanted.segment)
    guard let named else { throw .breach("pages are asked for that were not named") }
    let namedByteCount = shape.byteCount(of: named, inSegment: wanted.segment)
    counters.add(UInt64(byteCount), to: .sent)
    counters.add(UInt64(namedByteCount - byteCount), to: .equal)
    counters.add(UInt64(shape.segmentLength(wanted.segment) - namedByteCount), to: .zero)
    if wanted.pages.isEmpty { return }
    let queue = last == nil ? tasks : lastTasks
    queue.put(.pages(wanted), weight: wanted.pages.count, waits: false)
  }
}

extension SegmentDigests {
  /// The pages that are not zero.
  var dataPages: PageSet { PageSet(firstPages: pageCount).subtracting(zeroPages) }

  /// The names of all pages that are not zero, at full width; all others are zero.
  func allNames(of segment: Int) -> PageNames {
    names(in: GroupSet(firstGroups: groups.count), of: segment, width: .full)
  }
}

extension RemoteRun {
  /// Copies a stream to the image at the other end.
  func absorb(_ input: ByteInput) throws(TransferError) -> Report {
    let job = job(.stream, serverRole: .target, suggestedName: "")
    return try converse(job: job) { (connection, giveUp) throws(TransferError) in
      connection.send(.source(StreamSource.description(input.name, 0)))
      let target = try Handshake.receiveTarget(connection)
      let outcome = try StreamSource(
        input, job: job, connection: connection, target: target, counters: counters
      ).run(giveUp: giveUp)
      var report = Report(target, location: location)
      report.imageByteCount = outcome.byteCount
      report.imageDigest = outcome.imageDigest
      report.isVerified = outcome.completion.isVerified
      report.connectionCount = 1
      return report
    }
  }
}
