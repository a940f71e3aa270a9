// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// What a target does with the further connections of a run: takes their batches like those of the
/// first one, and tells the source how many have come.
extension TargetRole {
  /// The source learns after so many batches on a further connection that they have come.
  private static let confirmationInterval: UInt64 = 16

  /// The batch that came, if it is one. The source is told how many have come, because what did
  /// not come before a connection was lost must be sent again, and nothing else.
  func batch(
    of event: IncomingStrands.Event
  ) throws(TransferError) -> ReceivedBatch? {
    switch event {
    case .batch(let batch, let strand):
      let count = batchCounts[strand, default: 0] + 1
      batchCounts[strand] = count
      if count % Self.confirmationInterval == 0 { tell(strand, isOver: false) }
      return batch
    case .over(let strand):
      tell(strand, isOver: true)
      return nil
    case .failed(let error): throw error
    }
  }

  /// Only now, so that what comes unasked cannot overtake the word that a pass begins.
  func listenToStrands() {
    let events = events
    connection.strands?.incoming?.start(shape: shape) { event in
      switch event {
      case .batch(let batch, _):
        events.put(.strand(event), weight: batch.content.pageByteCount)
      case .over, .failed: events.put(.strand(event), waits: false)
      }
    }
  }

  private func tell(_ strand: Int, isOver: Bool) {
    let count = batchCounts[strand, default: 0]
    connection.send(
      .arrived(StrandArrival(strand: strand, batchCount: count, isOver: isOver)))
  }
}
