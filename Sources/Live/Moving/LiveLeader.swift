// SPDX-License-Identifier: Apache-2.0

import Transfer

/// Leads the copies of a move: gathers what was written, predicts the pause, and decides whether
/// there is another round, a slower writer, or the pause itself.
struct LiveLeader {
  let run: LiveRun
  let table: RoundTable
  let copies: DiskCopies
  var courses: [DiskCourse]
  var experience: Experience
  var policy: RoundPolicy
  var record = RoundRecord(number: 0)
  var report: LiveReport
  /// When it was last asked what is written.
  private var gatheredAt = Clock.now
  /// All targets were equal to what had been read, after the last round.
  var isEqual = true
  private var hasAsked = false
  /// The writer has begun what takes a while before a pause.
  var isPrepared = false

  /// How often the counters of the copies are brought together.
  private static let tickSeconds = 0.2
  /// Between two rounds, while the user is waited for.
  private static let idleSeconds = 1.0
  /// Between two rounds, while the writer is not ready.
  private static let readinessSeconds = 0.05
  static let brokenPauseLimit = 3

  init(_ run: LiveRun, table: RoundTable, copies: DiskCopies) {
    self.run = run
    self.table = table
    self.copies = copies
    courses = run.disks.map { DiskCourse($0) }
    experience = Experience(pausing: run.writer.expectedPausingSeconds)
    policy = RoundPolicy(run.settings, canSlowDown: run.writer.canSlowDown)
    report = LiveReport(
      writer: run.writer.name, tracker: run.disks[0].tracker.name, after: run.settings.after)
  }

  mutating func lead() throws(TransferError) {
    try finishRound()
    if case .writesPerSecond(let rate) = run.settings.throttle { try slowDown(rate) }
    while true {
      try gather()
      let forecast = forecast()
      record.forecast = forecast
      run.observe(.round(record))
      report.rounds.append(record)
      listenForRequest()
      switch isEqual ? policy.decide(forecast, linkRate: experience.linkRate) : .another {
      case .cutOver:
        if try isReady() {
          if try cutOver(forecast) { return }
          continue
        }
        Clock.sleep(seconds: Self.readinessSeconds)
      case .giveUp: throw doesNotConverge(forecast)
      case .slowDown(let rate): try slowDown(rate)
      case .another: pace()
      }
      try goRound()
    }
  }

  private mutating func isReady() throws(TransferError) -> Bool {
    if !isPrepared { try run.writer.prepare() }
    isPrepared = true
    return try run.writer.isReady()
  }

  // MARK: What is written

  /// Asks all trackers, and puts down how long that took.
  mutating func gather() throws(TransferError) {
    let start = Clock.now
    var losses: [String] = []
    for index in courses.indices {
      if let reason = try courses[index].gather() {
        losses.append("\(courses[index].disk.name): \(reason)")
      }
    }
    let now = Clock.now
    experience.learn(taking: now - start)
    var next = RoundRecord(number: record.number + 1)
    next.losses = losses
    next.gatheringSeconds = now - gatheredAt
    next.writesPerSecond = report.writesPerSecond
    upcoming = next
    gatheredAt = now
  }

  /// The round that would be next.
  private var upcoming = RoundRecord(number: 1)

  func forecast() -> Forecast {
    let dirty = courses.reduce(UInt64(0)) { $0 + $1.outstanding.likelyByteCount }
    let read = courses.reduce(UInt64(0)) { $0 + $1.outstanding.readByteCount }
    let late = courses.reduce(UInt64(0)) { $0 + $1.lateByteCount }
    return experience.forecast(
      dirtyByteCount: dirty, readByteCount: read + late, lateByteCount: late)
  }

  /// What is written again and again is left for later when the pause can bear it.
  private var mayDefer: Bool {
    let hot = courses.map(\.hot)
    let forecast = experience.forecast(
      dirtyByteCount: hot.reduce(0) { $0 + $1.likelyByteCount },
      readByteCount: hot.reduce(0) { $0 + $1.readByteCount })
    return forecast.seconds <= run.settings.maximumPauseSeconds / 2
  }

  // MARK: Rounds

  private mutating func goRound() throws(TransferError) {
    let defers = mayDefer
    let rounds = courses.indices.map { courses[$0].takeRound(withoutHot: defers) }
    upcoming.deferredByteCount = courses.reduce(0) { $0 + $1.outstanding.readByteCount }
    upcoming.dirtyByteCount = rounds.reduce(0) { $0 + $1.likelyByteCount }
    record = upcoming
    table.give(rounds.map { .round($0, isLast: false) })
    for disk in run.disks { disk.tracker.tidy() }
    try finishRound()
  }

  /// Waits for the results of all and learns from them.
  mutating func finishRound() throws(TransferError) {
    while !(try table.await(.results, seconds: Self.tickSeconds)) { copies.tick() }
    takeResults()
  }

  mutating func takeResults() {
    copies.tick()
    let results = table.takeResults()
    isEqual = results.allSatisfy { $0.imageDigest != nil } || record.number == 0
    record.readByteCount = results.reduce(0) { $0 + $1.readByteCount }
    record.changedByteCount = results.reduce(0) { $0 + $1.changedByteCount }
    record.wireByteCount = results.reduce(0) { $0 + $1.wireByteCount }
    record.transferSeconds = results.reduce(0) { max($0, $1.transferSeconds) }
    record.settlingSeconds = results.reduce(0) { max($0, $1.settlingSeconds) }
    experience.learn(record)
  }

  /// Orders the last round.
  mutating func goLastRound() {
    let rounds = courses.indices.map { courses[$0].takeLastRound() }
    record = upcoming
    record.dirtyByteCount = rounds.reduce(0) { $0 + $1.likelyByteCount }
    table.give(rounds.map { .round($0, isLast: true) })
    for disk in run.disks { disk.tracker.tidy() }
  }

  private mutating func slowDown(_ rate: Int) throws(TransferError) {
    try run.writer.slowDown(writesPerSecond: rate)
    report.writesPerSecond = rate
    run.observe(.slowedDown(writesPerSecond: rate))
  }

  // MARK: The user's word

  private mutating func listenForRequest() {
    if policy.isAsked { return }
    if !hasAsked {
      hasAsked = true
      run.observe(.awaitsCutover)
    }
    policy.isAsked = run.cutoverRequest.peek { $0 }
  }

  /// While the user is waited for there is no hurry.
  private func pace() {
    if policy.isAsked { return }
    _ = run.cutoverRequest.wait(seconds: Self.idleSeconds) { $0 ? true : nil }
  }

  private func doesNotConverge(_ forecast: Forecast) -> TransferError {
    let needed = Duration.shown(forecast.seconds)
    let allowed = Duration.shown(run.settings.maximumPauseSeconds)
    var sentence =
      "\(run.writer.name): after \(record.number) rounds a pause of \(needed) would be needed, "
      + "and \(allowed) is allowed"
    if experience.dirtyRate > 0, let linkRate = experience.linkRate {
      sentence +=
        "; it writes \(Amount.shown(experience.dirtyRate)) a second, "
        + "and the line takes \(Amount.shown(linkRate)) a second"
    }
    return TransferError(
      .source, sentence,
      hint: (report.brokenPauseCount == 0 ? "nothing was paused" : "it runs on as before")
        + "; allow more with --max-pause, slow it down with --throttle, or find a quieter hour",
      status: .notConverging)
  }
}
