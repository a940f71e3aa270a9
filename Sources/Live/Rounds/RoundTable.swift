// SPDX-License-Identifier: Apache-2.0

import Blocks
import Transfer

/// Where the threads that copy the images of a move and the one that leads it meet: each copy
/// brings the result of a round and waits for its next order.
///
/// ## Concurrency
/// `state` is behind its lock. One thread leads; there is one for each image.
final class RoundTable: Sendable {
  private struct Seat {
    var result: RoundResult?
    var order: RoundOrder?
    /// The target is in its place.
    var isComplete = false
    /// How the copy ended.
    var ending: Result<Report, TransferError>?
  }

  private struct State {
    var seats: [Seat]
    /// The move has failed: nobody waits for anything any more.
    var failure: TransferError?
    /// The machine is where it is to be: what takes time may be done.
    var mayTakeTime = false
  }

  private let state: Monitor<State>
  private let count: Int

  init(count: Int) {
    self.count = count
    state = Monitor(State(seats: .init(repeating: Seat(), count: count)))
  }

  // MARK: The copies' side

  /// The director of the copy of one image.
  func director(of seat: Int) -> any RoundDirector { Director(table: self, seat: seat) }

  private final class Director: RoundDirector {
    let table: RoundTable
    let seat: Int

    init(table: RoundTable, seat: Int) {
      self.table = table
      self.seat = seat
    }

    func order(after result: RoundResult) throws(TransferError) -> RoundOrder {
      let seat = seat
      table.state.update { $0.seats[seat].result = result }
      return try table.state.wait { state -> Result<RoundOrder, TransferError>? in
        if let failure = state.failure { return .failure(failure) }
        guard let order = state.seats[seat].order else { return nil }
        state.seats[seat].order = nil
        return .success(order)
      }.get()
    }

    func complete(_ imageDigest: Digest) throws(TransferError) {
      let seat = seat
      table.state.update { $0.seats[seat].isComplete = true }
      table.state.wait { $0.mayTakeTime || $0.failure != nil ? () : nil }
    }
  }

  func end(_ seat: Int, _ ending: Result<Report, TransferError>) {
    state.update { $0.seats[seat].ending = ending }
  }

  // MARK: The leader's side

  /// What the leader waits for.
  enum Event {
    case results, complete
  }

  /// Waits until all copies have come so far. False when it takes longer than that; the first
  /// copy that fails is thrown.
  func await(_ event: Event, seconds: Double) throws(TransferError) -> Bool {
    let outcome = state.wait(seconds: seconds) { state -> Result<Void, TransferError>? in
      for seat in state.seats {
        if case .failure(let error) = seat.ending { return .failure(error) }
      }
      let isThere = state.seats.allSatisfy { seat in
        switch event {
        case .results: seat.result != nil
        case .complete: seat.isComplete
        }
      }
      return isThere ? .success(()) : nil
    }
    try outcome?.get()
    return outcome != nil
  }

  /// The results that all have brought; each is taken once.
  func takeResults() -> [RoundResult] {
    state.update { state in
      state.seats.indices.map { seat in
        defer { state.seats[seat].result = nil }
        return state.seats[seat].result!
      }
    }
  }

  /// One for each image.
  func give(_ orders: [RoundOrder]) {
    state.update { state in
      for (seat, order) in orders.enumerated() { state.seats[seat].order = order }
    }
  }

  func letTakeTime() { state.update { $0.mayTakeTime = true } }

  /// Ends all copies.
  func abandon(_ error: TransferError) {
    state.update { $0.failure = $0.failure ?? error }
  }
}
