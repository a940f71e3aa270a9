// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// What the threads of the source's side share: filled by the reader of the connection,
/// emptied by the announcer, the sender and the conversation itself.
struct SourceState {
  /// The first thing that went wrong; everybody who waits gives up with it.
  var failure: TransferError?

  var runs = TargetRuns()
  /// Page digests of segments whose group digests are out and whose answer is not back.
  var inFlight: [Int: SegmentDigests] = [:]
  /// Names that the answers which are not back may ask for.
  var reservedCount: UInt64 = 0
  /// Names that were given, and how many of them the target is done with.
  var namedCount: UInt64 = 0
  var closedCount: UInt64 = 0
  var stage = Stage.announcing
  /// The image was not, when it was read again, what was remembered or announced of it.
  var hasChanged = false
  var settled: Settled?
  var verdict: Verdict?
  var completion: Completion?
  /// Of an estimate: what the target would ask for, in part.
  var sample: [WantedPages] = []
  /// A round of probes is out; and its answer, when that has come.
  var awaitsProbed = false
  var probed: ProbeCount?

  /// Of a live copy: a round is under way, and what was read in it and may still be asked for.
  var isInRound = false
  var held: [Int: HeldSegment] = [:]
  var heldByteCount = 0
  var wantedInRound: UInt64 = 0
  /// What the target does not know any more; nil where that may not be said.
  var unsettled: DirtySet?

  /// Which of the target's last words may come.
  enum Stage {
    case announcing, scanned, agreed
  }

  /// Names that the target has not decided yet, or may still ask for.
  var openNameCount: UInt64 { namedCount + reservedCount - closedCount }

  /// What must be fresh when another pass begins.
  mutating func beginPass() {
    runs = TargetRuns()
    inFlight = [:]
    reservedCount = 0
    namedCount = 0
    closedCount = 0
    stage = .announcing
    hasChanged = false
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
