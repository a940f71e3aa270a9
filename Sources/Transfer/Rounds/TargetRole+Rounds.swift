// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The target's side of the rounds of a live copy.
extension TargetRole {
  func round(_ start: RoundStart) throws(TransferError) -> Digest? {
    guard job.isLive, let memory else { throw .breach("a round of a copy that is not live") }
    do throws(StorageError) {
      if rounds == nil {
        rounds = try TargetRounds(
          target: image, shape: shape, memory: memory, unsure: unsettledSegments,
          connection: connection, counters: counters)
      }
    } catch {
      throw TransferError(.target, error)
    }
    let rounds = rounds!
    try rounds.begin(start)
    counters.enter(.comparing)
    while !rounds.isOver { try handleNext(of: rounds) }
    counters.enter(.finishing)
    do throws(StorageError) {
      return try rounds.settle()
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func handleNext(of rounds: TargetRounds) throws(TransferError) {
    switch events.take() {
    case .message(.pages(let names)): try rounds.receive(names)
    case .message(.scanned(let scanned)): try rounds.receive(scanned)
    case .message(.progress(let progress)): counters.take(progress, from: .source)
    case .message(.failure(let failure)):
      throw TransferError(.source, failure, from: connection.otherEnd)
    case .message(let message):
      throw .breach("'\(message.name)' is not for a target within a round")
    case .batch(let batch): try rounds.receive(batch)
    case .strand(let event):
      if let batch = try batch(of: event) { try rounds.receive(batch) }
    case .scanEnded: break
    case .failed(let error): throw error
    case .lost, nil: throw .lost
    }
  }
}
