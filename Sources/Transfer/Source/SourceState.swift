// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// What the threads of the source's side share: filled by the reader of the connection,
/// emptied by the announcer, the sender and the conversation itself.
struct SourceState {
  /// The first thing that went wrong; everybody who waits gives up with it.
  var failure: TransferError?

  var target: TargetDescription?
  var runs = TargetRuns()
  /// Page digests of segments whose group digests are out and whose answer is not back.
  var inFlight: [Int: SegmentDigests] = [:]
  var namedCount: UInt64 = 0
  var closedCount: UInt64 = 0
  var settled: Settled?
  var verdict: Verdict?
  var completion: Completion?

  /// Names that the target has not decided yet.
  var openNameCount: UInt64 { namedCount - closedCount }

  /// Segments that may be in flight: 8 KiB of digests each, and a round trip's worth of
  /// scanning at several gigabytes a second.
  static let inFlightLimit = 1024

  /// What must be fresh when another pass begins.
  mutating func beginPass() {
    runs = TargetRuns()
    inFlight = [:]
    namedCount = 0
    closedCount = 0
    settled = nil
  }
}

extension Monitor<SourceState> {
  /// Blocks until `body` has an answer or the run has failed.
  @discardableResult
  func await<Result>(_ body: (inout SourceState) -> Result?) throws(TransferError) -> Result {
    let answer = wait { state -> Swift.Result<Result, TransferError>? in
      if let failure = state.failure { return .failure(failure) }
      return body(&state).map { .success($0) }
    }
    return try answer.get()
  }

  /// Ends the run with the first failure; later ones are only its consequences.
  func fail(_ error: TransferError) {
    update { state in
      if state.failure == nil { state.failure = error }
    }
  }
}
