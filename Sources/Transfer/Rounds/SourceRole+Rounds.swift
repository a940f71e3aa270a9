// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The source's side of a live copy: a first pass like that of any copy, then rounds over what was
/// written meanwhile, until the director has seen enough.
extension SourceRole {
  func runLive(
    target: TargetDescription, director: any RoundDirector
  ) throws(TransferError) -> Outcome {
    let pilot = CompressionPilot(job.compression, isFirstCopy: target.startsZero)
    return try withThreads(pilot) { () throws(TransferError) in
      try converseLive(target: target, director: director)
    }
  }

  /// What is the same in all rounds.
  private struct Course {
    let manifest: Manifest
    var tree: DigestTree
    var passCount = 0
    var roundCount = 0
    var result = RoundResult(number: 0)
    /// Of which the target does not know what it has.
    var unsure: DirtySet
    /// Both ends have gone over everything and are not equal: another pass has to find out where.
    var needsPass = true
  }

  private func converseLive(
    target: TargetDescription, director: any RoundDirector
  ) throws(TransferError) -> Outcome {
    guard let manifest = memory.manifest else {
      throw TransferError(
        .source, "\(image.name): what is remembered of it during a live copy cannot be kept",
        hint: "make room in the state directory, or name another with BLKMOVE_STATE_DIR",
        status: .failed)
    }
    var course = Course(
      manifest: manifest, tree: DigestTree(shape: shape), unsure: DirtySet(shape: shape))
    try passes(&course, target)
    while true {
      switch try director.order(after: course.result) {
      case .round(let dirty, let isLast):
        if course.needsPass { try passes(&course, target) }
        try round(over: dirty, isLast: isLast, &course)
      case .finish:
        guard let digest = course.result.imageDigest else { throw neverEqual }
        return try conclude(digest, course, target, director)
      }
    }
  }

  private func conclude(
    _ digest: Digest, _ course: Course, _ target: TargetDescription,
    _ director: any RoundDirector
  ) throws(TransferError) -> Outcome {
    var outcome = try finish(digest: digest, passCount: course.passCount)
    let identity = try identity()
    try Self.requireSize(of: image, copied: shape.byteCount, now: identity)
    try director.complete(digest)
    let note = memory.close(
      nil, identity: identity, isSettled: false, digest: digest,
      peer: connection.placed(target.name), name: image.name)
    outcome.notes += [note].compactMap(\.self)
    return outcome
  }

  /// Ordinary passes, until the target knows of every segment what it has, or which it does not.
  private func passes(_ course: inout Course, _ target: TargetDescription) throws(TransferError) {
    let start = Clock.now
    let sent = counters.snapshot.wireSent
    for _ in 1...Self.maximumPassCount {
      course.passCount += 1
      let number = course.passCount
      state.update { $0.unsettled = DirtySet(shape: shape) }
      let needsAllPages = target.startsZero && !target.seeksGroups && number == 1
      let scanMemory = memory.scanMemory(passNumber: number, needsAllPages: needsAllPages)
      let digest = try pass(number: number, target: target, memory: scanMemory)
      let said = Clock.now
      let settled = try state.await { $0.settled }
      if let lost = scanMemory?.lost { throw TransferError(.source, lost) }
      let unsettled = state.peek { $0.unsettled } ?? DirtySet(shape: shape)
      let isEqual = settled.unsettledPageCount == 0 && settled.imageDigest == digest
      guard isEqual || !unsettled.isEmpty else { continue }
      course.needsPass = false
      course.unsure = unsettled
      course.result = RoundResult(number: course.roundCount)
      course.result.imageDigest = isEqual ? digest : nil
      course.result.readByteCount = shape.byteCount
      course.result.changedByteCount = counters.snapshot.sent
      course.result.wireByteCount = counters.snapshot.wireSent - sent
      course.result.transferSeconds = said - start
      course.result.settlingSeconds = Clock.now - said
      do throws(StorageError) {
        try course.manifest.beginRounds()
      } catch {
        throw TransferError(.source, error)
      }
      course.tree = DigestTree(of: course.manifest)
      return
    }
    throw neverEqual
  }

  private func round(
    over dirty: DirtySet, isLast: Bool, _ course: inout Course
  ) throws(TransferError) {
    let start = Clock.now
    let before = counters.snapshot
    course.roundCount += 1
    state.update { state in
      state.stage = .announcing
      state.settled = nil
      state.isInRound = true
      state.unsettled = DirtySet(shape: shape)
    }
    connection.send(.round(RoundStart(number: UInt32(course.roundCount), isLast: isLast)))
    var round = SourceRound(
      image: image, shape: shape, manifest: course.manifest, connection: connection,
      state: state, counters: counters)
    try round.run(over: dirty, unsure: course.unsure, tree: &course.tree)
    let digest = course.tree.imageDigest()
    try state.await { $0.held.isEmpty ? true : nil }
    let said = Clock.now
    say(scanned: digest)
    let settled = try state.await { $0.settled }
    state.update { $0.isInRound = false }
    course.unsure = state.peek { $0.unsettled } ?? DirtySet(shape: shape)
    let isEqual = settled.unsettledPageCount == 0 && settled.imageDigest == digest
    course.needsPass = !isEqual && course.unsure.isEmpty
    let after = counters.snapshot
    course.result = RoundResult(number: course.roundCount)
    course.result.imageDigest = isEqual ? digest : nil
    course.result.readByteCount = round.readByteCount
    course.result.changedByteCount = state.peek { $0.wantedInRound }
    course.result.wireByteCount = after.wireSent - before.wireSent
    course.result.transferSeconds = said - start
    course.result.settlingSeconds = Clock.now - said
    state.update { $0.wantedInRound = 0 }
  }
}
