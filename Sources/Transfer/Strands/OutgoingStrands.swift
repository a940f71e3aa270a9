// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// The further connections of the end that sends: each takes parcels from the outbox as fast as
/// its wire takes them, and remembers whose pages they had until the target says that they have
/// come. When a connection is lost the target says how many of its batches came; what was in the
/// others is sent again, over the connections that are left.
///
/// ## Concurrency
/// Two threads for each connection: one writes, one waits for the end. The reader of the first
/// connection reports arrivals. They share `state`; a writer looks at it while it holds the
/// outbox, so nobody goes to the outbox while he holds it.
final class OutgoingStrands: Sendable {
  /// What one connection was given, in order.
  private struct Journal {
    let strand: Strand
    var batches = Fifo<[DataBatch.Entry]>()
    /// How many of its batches the target has confirmed.
    var confirmedCount: UInt64 = 0
    var unconfirmedPageCount = 0
    /// We have said that we write nothing more to it.
    var isLeft = false
  }

  private struct State {
    var journals: [Int: Journal] = [:]
    var resend: (@Sendable (WantedPages) -> Void)?
    var threads: [WorkerThread] = []
    var isStopped = false
  }

  private let outbox: Outbox
  private let pace: Pace
  private let counters: Counters
  private let lost: @Sendable () -> Void
  private let state = Monitor(State())

  init(
    outbox: Outbox, pace: Pace, counters: Counters, lost: @escaping @Sendable () -> Void = {}
  ) {
    self.lost = lost
    self.outbox = outbox
    self.pace = pace
    self.counters = counters
  }

  /// From now on what is lost with a connection is given to `resend`.
  func start(resend: @escaping @Sendable (WantedPages) -> Void) {
    state.update { $0.resend = resend }
  }

  /// Lets a connection carry data. False when it is too late for that.
  func attach(_ strand: Strand, number: Int) -> Bool {
    state.update { state in
      if state.isStopped || state.journals[number] != nil { return false }
      state.journals[number] = Journal(strand: strand)
      state.threads.append(WorkerThread { [self] in write(to: strand, number) })
      state.threads.append(
        WorkerThread { [self] in
          // The target says nothing here, so that whatever comes is the end.
          strand.waitForInput()
          leave(number)
        })
      return true
    }
  }

  private func write(to strand: Strand, _ number: Int) {
    while let parcel = outbox.takeParcel({ wish(number) }) {
      guard enter(parcel.pages, number) else { return send(again: parcel.pages) }
      guard strand.write(parcel.frame, pace: pace, counters: counters) else { break }
    }
    leave(number)
  }

  private func wish(_ number: Int) -> Outbox.Wish {
    state.peek { state in
      guard !state.isStopped, let journal = state.journals[number], !journal.isLeft else {
        return .stop
      }
      // A target that confirms nothing must not fill our memory.
      return journal.unconfirmedPageCount > WireLimits.outstandingPageCount ? .wait : .take
    }
  }

  private func enter(_ pages: [DataBatch.Entry], _ number: Int) -> Bool {
    state.peek { state in
      guard let journal = state.journals[number], !journal.isLeft, !state.isStopped else {
        return false
      }
      state.journals[number]?.batches.append(pages)
      state.journals[number]?.unconfirmedPageCount += pages.reduce(0) { $0 + $1.pages.count }
      return true
    }
  }

  /// We write nothing more to it; the target will say what has come.
  private func leave(_ number: Int) {
    let isNews = state.peek { state in
      guard !state.isStopped, let journal = state.journals[number], !journal.isLeft else {
        return false
      }
      state.journals[number]?.isLeft = true
      journal.strand.cancel()
      return true
    }
    guard isNews else { return }
    outbox.put(Message.leave(number).encoded())
    outbox.nudge()
  }

  private func send(again pages: [DataBatch.Entry]) {
    guard let resend = state.peek({ $0.resend }) else { return }
    for entry in pages { resend(WantedPages(segment: entry.segment, pages: entry.pages)) }
  }

  /// What the target says has come of the batches on one connection.
  func take(_ arrival: StrandArrival) throws(TransferError) {
    var missing: [DataBatch.Entry] = []
    let isValid = state.peek { state in
      guard var journal = state.journals[arrival.strand],
        arrival.batchCount >= journal.confirmedCount,
        arrival.batchCount - journal.confirmedCount <= UInt64(journal.batches.count)
      else { return false }
      while journal.confirmedCount < arrival.batchCount, let pages = journal.batches.popFirst() {
        journal.confirmedCount += 1
        journal.unconfirmedPageCount -= pages.reduce(0) { $0 + $1.pages.count }
      }
      state.journals[arrival.strand] = arrival.isOver ? nil : journal
      if arrival.isOver {
        journal.strand.cancel()
        while let pages = journal.batches.popFirst() { missing += pages }
      }
      return true
    }
    if !isValid { throw .breach("more came on a further connection than was sent") }
    outbox.nudge()
    send(again: missing)
    if arrival.isOver { lost() }
  }

  /// Ends all of them, without waiting for what they carry.
  func stop() {
    let threads = state.update { state in
      state.isStopped = true
      for journal in state.journals.values { journal.strand.cancel() }
      defer { state.threads = [] }
      return state.threads
    }
    outbox.nudge()
    for thread in threads { thread.join() }
    state.update { $0.journals = [:] }
  }
}
