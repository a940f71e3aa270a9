// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// The further connections of the end that receives: batches come in, in order on each of them,
/// and at the end of each the news that it is over.
///
/// ## Concurrency
/// One thread for each connection, which waits for the sink, and in the sink for room. They share
/// `state` with the reader of the first connection.
final class IncomingStrands: Sendable {
  enum Event: Sendable {
    case batch(ReceivedBatch, strand: Int)
    /// Nothing more comes from it, and nothing of what it has brought is left behind this.
    case over(strand: Int)
    case failed(TransferError)
  }

  typealias Sink = @Sendable (Event) -> Void

  private struct State {
    var shape: ImageShape?
    var strands: [Int: Strand] = [:]
    /// Whose end has been told, or will be by their threads.
    var over: Set<Int> = []
    /// Whose end has to be told and were never there.
    var unknown: [Int] = []
    var sink: Sink?
    var threads: [WorkerThread] = []
    var isStopped = false
  }

  private let counters: Counters
  private let lost: @Sendable () -> Void
  private let state = Monitor(State())

  init(counters: Counters, lost: @escaping @Sendable () -> Void = {}) {
    self.lost = lost
    self.counters = counters
  }

  /// Everything that comes goes there; what has come before waits for this.
  func start(shape: ImageShape, _ sink: @escaping Sink) {
    let unknown = state.update { state in
      (state.shape, state.sink) = (shape, sink)
      defer { state.unknown = [] }
      return state.unknown
    }
    for number in unknown { sink(.over(strand: number)) }
  }

  /// Reads a connection from where its parser is. False when it is too late for that.
  func attach(_ strand: Strand, _ parser: FrameParser, number: Int) -> Bool {
    state.update { state in
      if state.isStopped || state.over.contains(number) || state.strands[number] != nil {
        return false
      }
      state.strands[number] = strand
      state.threads.append(WorkerThread { [self] in read(strand, parser, number) })
      return true
    }
  }

  private func read(_ strand: Strand, _ parser: FrameParser, _ number: Int) {
    let start = state.wait { state -> (shape: ImageShape, sink: Sink)?? in
      if state.isStopped { return .some(nil) }
      guard let shape = state.shape, let sink = state.sink else { return nil }
      return (shape, sink)
    }
    guard let (shape, sink) = start else { return }
    let decompressor = Decompressor()
    var parser = parser
    do throws(WireError) {
      repeat {
        while let frame = try parser.next() {
          guard case .data(let batch) = try Message(frame) else {
            sink(.failed(.breach("'\(frame.type.name)' on a further connection")))
            return
          }
          let received = try ReceivedBatch(batch, shape: shape, using: decompressor)
          sink(.batch(received, strand: number))
        }
      } while strand.read(into: &parser, counters: counters)
    } catch {
      sink(.failed(TransferError(error)))
    }
    let isStopped = state.update { state in
      state.over.insert(number)
      state.strands[number] = nil
      return state.isStopped
    }
    sink(.over(strand: number))
    // At the end of a run the source may be the first to go.
    if !isStopped, counters.snapshot.phase != .done { lost() }
  }

  /// The source writes nothing more to it, and wants to know what has come.
  func leave(_ number: Int) {
    let sink = state.update { state -> Sink? in
      if let strand = state.strands[number] {
        // Its thread tells.
        strand.cancel()
        return nil
      }
      guard state.over.insert(number).inserted else { return nil }
      if state.sink == nil { state.unknown.append(number) }
      return state.sink
    }
    sink?(.over(strand: number))
  }

  /// Ends all of them. The sink must not make anybody wait any more.
  func stop() {
    let threads = state.update { state in
      state.isStopped = true
      for strand in state.strands.values { strand.cancel() }
      defer { state.threads = [] }
      return state.threads
    }
    for thread in threads { thread.join() }
    state.update { state in
      state.strands = [:]
      state.sink = nil
    }
  }
}
