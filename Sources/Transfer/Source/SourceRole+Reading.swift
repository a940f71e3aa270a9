// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// What the source does with each message of the target: the reading thread. It never waits for
/// the wire, so that the two ends cannot wait for each other.
extension SourceRole {
  func read() {
    do throws(TransferError) {
      let finder = PageFinder(image: image, shape: shape)
      while let message = try connection.receive() { take(message, finder) }
      // After its last word the target may go.
      let hasLastWord = state.peek { $0.completion != nil || $0.verdict != nil }
      if !hasLastWord { state.fail(.lost) }
    } catch {
      state.fail(error)
    }
    tasks.abandon()
  }

  /// What comes for a run that has failed is dropped, but taken off the wire: the target that
  /// sends it would not hear why before.
  private func take(_ message: Message, _ finder: PageFinder) {
    if state.peek({ $0.failure != nil }) { return }
    do throws(TransferError) {
      try handle(message, finder)
    } catch {
      state.fail(error)
      tasks.abandon()
    }
  }

  private func handle(_ message: Message, _ finder: PageFinder) throws(TransferError) {
    switch message {
    case .segments(let runs): try receive(runs)
    case .differ(let mask): try answer(mask, finder)
    case .want(let wanted): try queue(wanted)
    case .probed(let count): try receive(count)
    case .closed(let count): try close(count)
    case .verdict(let verdict):
      guard job.operation == .verify else { throw .breach("'verdict' is not for a copy") }
      try require(.scanned, for: message)
      state.update { $0.verdict = verdict }
    case .settled(let settled):
      try require(.scanned, for: message)
      state.update { $0.settled = settled }
    case .unsettled(let segments): try receive(unsettled: segments.range)
    case .done(let completion):
      try require(.agreed, for: message)
      state.update { $0.completion = completion }
    case .progress(let progress): counters.take(progress, from: .target)
    case .failure(let failure): throw TransferError(.target, failure, from: connection.otherEnd)
    default: throw .breach("'\(message.name)' is not for a source")
    }
  }

  /// A last word that comes before ours cannot be an answer to it.
  private func require(
    _ stage: SourceState.Stage, for message: Message
  ) throws(TransferError) {
    if state.peek({ $0.stage }) != stage {
      throw .breach("'\(message.name)' before '\(stage)'")
    }
  }

  private func receive(_ runs: SegmentRuns) throws(TransferError) {
    let (shape, limit) = (shape, WireLimits.waitingDigestCount)
    let problem = state.update { state -> String? in
      guard state.runs.append(runs) else { return "segments out of order" }
      if state.runs.end > shape.segmentCount { return "segments past the end of the image" }
      if state.runs.waitingDigestCount > limit { return "too many segments ahead" }
      return nil
    }
    if let problem { throw .breach(problem) }
  }

  private func answer(_ mask: GroupMask, _ finder: PageFinder) throws(TransferError) {
    let digests = state.peek { $0.inFlight[mask.segment] }
    guard let digests, mask.groups.isSubset(of: GroupSet(firstGroups: digests.groups.count))
    else {
      throw .breach("an answer for segment \(mask.segment), which was not asked about")
    }
    let known =
      mask.groups.isEmpty ? digests : try finder.withPages(digests, of: mask.segment, state)
    let names = known.names(in: mask.groups, of: mask.segment, width: connection.width)
    state.update { state in
      state.reservedCount -= UInt64(PageNames.largestOpenCost)
      state.namedCount += UInt64(names.openCost)
    }
    if !mask.groups.isEmpty { connection.send(.pages(names)) }
    // Only now may another take its place: the target counts those without names.
    state.update { $0.inFlight[mask.segment] = nil }
  }

  private func queue(_ wanted: WantedPages) throws(TransferError) {
    guard wanted.segment < shape.segmentCount,
      wanted.pages.isSubset(
        of: PageSet(firstPages: shape.pageCount(inSegment: wanted.segment)))
    else { throw .breach("pages past the end of the image are asked for") }
    if try answer(wanted) { return }
    if wanted.pages.isEmpty { throw .breach("no page of a segment is asked for") }
    if job.operation == .measure { return try add(toSample: wanted) }
    tasks.put(.pages(wanted), weight: wanted.pages.count, waits: false)
    if tasks.weight > WireLimits.outstandingPageCount {
      throw .breach("more pages are asked for than may be on their way")
    }
  }

  /// In a round every segment that was named is answered, once. True when nothing is to be sent.
  private func answer(_ wanted: WantedPages) throws(TransferError) -> Bool {
    let byteCount = UInt64(shape.byteCount(of: wanted.pages, inSegment: wanted.segment))
    let isExpected = state.update { state -> Bool? in
      guard state.isInRound else { return nil }
      state.wantedInRound += byteCount
      return state.expect(wanted.pages.count, of: wanted.segment)
    }
    guard let isExpected else { return false }
    guard isExpected else {
      throw .breach("pages of segment \(wanted.segment), which was not named in this round")
    }
    return wanted.pages.isEmpty
  }

  private func receive(unsettled segments: Range<Int>) throws(TransferError) {
    let shape = shape
    let isTaken = state.update { state in
      guard state.stage == .scanned, var unsettled = state.unsettled else { return false }
      let first = shape.segmentRange(segments.lowerBound).lowerBound
      unsettled.insert(first..<shape.segmentRange(segments.upperBound - 1).upperBound)
      state.unsettled = unsettled
      return true
    }
    if !isTaken { throw .breach("'unsettled' where nothing was settled") }
  }

  private func close(_ count: UInt64) throws(TransferError) {
    let isValid = state.update { state in
      guard count >= state.closedCount, count <= state.namedCount else { return false }
      state.closedCount = count
      return true
    }
    if !isValid { throw .breach("names are closed that were not given") }
  }
}
