// SPDX-License-Identifier: Apache-2.0

import Storage
import Transfer

/// The verified cutover: the writer stands still, what it wrote last is brought over and read
/// back, all digests are compared, and only then the targets take their places and the user's
/// command is run.
extension LiveLeader {
  /// How often the guardian hears of us while somebody waits.
  private static let beatSeconds = 0.1
  /// A pause that takes so much longer than it may is broken off, as long as nothing is lost by
  /// that.
  private static let breakOffFactor = 2.0
  /// What moving over allows itself, and some more.
  private static let moveOverSeconds = 60.0
  private static let leastGuardSeconds = 2.0

  /// In which the guardian must hear of us: the pause that the user allows, and no less than a
  /// busy machine may keep us from speaking.
  private var guardSeconds: Double {
    max(Self.leastGuardSeconds, run.settings.maximumPauseSeconds)
  }

  /// False when the pause was broken off and the rounds go on.
  mutating func cutOver(_ forecast: Forecast) throws(TransferError) -> Bool {
    run.observe(.pausing(forecast))
    var pause = LiveReport.Pause(forecast: forecast)
    let start = try pauseWriter()
    let paused = Clock.now
    pause.pausing = paused - start
    try run.guardian.beat(budgetSeconds: guardSeconds)
    try gather()
    pause.taking = Clock.now - paused
    goLastRound()
    let limit = start + run.settings.maximumPauseSeconds * Self.breakOffFactor + 1
    guard try attend(.results, until: limit) else {
      return try breakOff(since: start, "the last round takes longer than the pause may")
    }
    takeResults()
    report.rounds.append(record)
    pause.sending = record.transferSeconds
    pause.settling = record.settlingSeconds
    guard isEqual else {
      try resumeWriter(since: start, "the targets are not yet equal")
      return false
    }
    try finish(&pause)
    return true
  }

  /// A writer that may or may not stand still after a failure is told to go on.
  private func pauseWriter() throws(TransferError) -> Double {
    // It takes what the user's command takes; that has a limit of its own.
    try run.guardian.beat(budgetSeconds: guardSeconds + run.settings.hookTimeoutSeconds)
    return try run.writer.pause()
  }

  /// Waits while the guardian hears of us. False when it takes too long.
  private func attend(
    _ event: RoundTable.Event, until limit: Double
  ) throws(TransferError) -> Bool {
    while true {
      if try table.await(event, seconds: Self.beatSeconds) { return true }
      if Clock.now > limit { return false }
      try run.guardian.beat(budgetSeconds: guardSeconds)
    }
  }

  /// Lets the writer go on, and goes on with it.
  private mutating func resumeWriter(
    since start: Double, _ reason: String
  ) throws(TransferError) {
    try run.writer.resume()
    try run.guardian.rest()
    isPrepared = false
    run.observe(.brokenOff(seconds: Clock.now - start, reason: reason))
    report.brokenPauseCount += 1
    if report.brokenPauseCount >= Self.brokenPauseLimit {
      throw TransferError(
        .source,
        "\(run.writer.name): \(report.brokenPauseCount) pauses were broken off; the last because "
          + reason,
        hint: "it runs on as before; allow more with --max-pause", status: .notConverging)
    }
  }

  private mutating func breakOff(
    since start: Double, _ reason: String
  ) throws(TransferError) -> Bool {
    try resumeWriter(since: start, reason)
    // The round goes on; what is written to the image now is in the next one.
    try finishRound()
    report.rounds.append(record)
    return false
  }

  /// The images are there: puts them in their places, and lets the writer go.
  private mutating func finish(_ pause: inout LiveReport.Pause) throws(TransferError) {
    let start = Clock.now
    table.give(run.disks.map { _ in .finish })
    let limit = start + max(run.settings.maximumPauseSeconds, 10)
    guard try attend(.complete, until: limit) else {
      throw TransferError(
        .target, "the targets did not get into their places in time",
        hint: "whether they are complete is not known; run again to make sure", status: .failed)
    }
    let complete = Clock.now
    pause.finishing = complete - start
    try moveOver()
    try runSwitch()
    // Two of it must never run: before anything else can go wrong.
    if run.settings.after == .resume {
      try run.writer.resume()
    } else {
      try run.writer.stayPaused()
    }
    pause.switching = Clock.now - complete
    if run.settings.after != .resume { try leaveWriter() }
    try run.guardian.rest()
    report.pause = pause
    run.observe(.handedOver(pause))
  }

  /// It has limits of its own.
  private func moveOver() throws(TransferError) {
    try run.guardian.beat(budgetSeconds: guardSeconds + Self.moveOverSeconds)
    try run.writer.moveOver()
    try run.guardian.beat(budgetSeconds: guardSeconds)
  }

  private func runSwitch() throws(TransferError) {
    if let command = run.settings.switchCommand {
      let hook = Hook(
        .switch, command, environment: hookEnvironment,
        timeoutSeconds: run.settings.hookTimeoutSeconds)
      try run.guardian.beat(budgetSeconds: guardSeconds + run.settings.hookTimeoutSeconds)
      try run.guardian.run(hook, announce: run.announce)
      try run.guardian.beat(budgetSeconds: guardSeconds)
    }
  }

  /// The writer stays as it is, without anything of ours, or ends.
  private func leaveWriter() throws(TransferError) {
    for disk in run.disks { disk.tracker.end() }
    try run.writer.speedUp()
    if run.settings.after == .quit { try run.writer.quit() }
  }

  /// What the user's command may want to know.
  private var hookEnvironment: [String: String] {
    var result = ["BLKMOVE_DISKS": "\(run.disks.count)"]
    for (index, disk) in run.disks.enumerated() {
      result["BLKMOVE_SOURCE_\(index)"] = disk.image.name
    }
    return result
  }
}
