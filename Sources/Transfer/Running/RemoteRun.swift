// SPDX-License-Identifier: Apache-2.0

import Storage
import Wire

/// One run with the other end behind the remote shell: starts it, holds the conversation, and
/// finds out what it means when the connection ends too early.
struct RemoteRun {
  let location: RemoteLocation
  var settings: Settings
  let counters: Counters
  let announce: Announce

  /// Pushes the image at `path` to the other end.
  func push(_ path: String) throws(TransferError) -> Report {
    let start = Clock.now
    // Opened before anything is started: most mistakes are made at this end.
    let job = job(.copy, serverRole: .target, suggestedName: ImageOpening.baseName(of: path))
    let image = try openSource(path, job: job)
    let memory = SourceMemory(of: image, job: job, at: settings.manifest)
    let headStart = headStart(for: image, job, memory)
    defer { headStart?.stop() }
    return try converse(job: job) { (connection, giveUp) throws(TransferError) in
      let end = SourceEnd(
        path: path, policy: .anything, job: job, connection: connection, counters: counters,
        memory: memory, headStart: headStart, giveUp: giveUp)
      let outcome = try end.run(image)
      var report = Report(outcome.target, location: location)
      report.notes += outcome.notes
      if let result = outcome.result {
        report.imageDigest = result.imageDigest
        report.passCount = result.passCount
        report.isVerified = result.completion.isVerified
        counters.take(result.completion.counters, from: .target)
        report.estimate = estimate(
          result.measurement, since: start, isFirstCopy: outcome.target.startsZero)
      }
      report.connectionCount = 1 + (connection.strands?.joinedCount ?? 0)
      return report
    }
  }

  /// Pushes an image that somebody writes to, as `director` says.
  func pushLive(
    _ image: any CopySource, named suggestedName: String, director: any RoundDirector
  ) throws(TransferError) -> Report {
    var job = job(.copy, serverRole: .target, suggestedName: suggestedName)
    job.isLive = true
    job.appearsAtOnce = settings.appearsAtOnce
    let memory = try SourceMemory(ofLive: image, job: job, at: settings.manifest)
    return try converse(job: job) { (connection, giveUp) throws(TransferError) in
      let end = SourceEnd(
        path: image.name, policy: .anything, job: job, connection: connection,
        counters: counters, memory: memory, director: director, giveUp: giveUp)
      let outcome = try end.run(image)
      var report = Report(outcome.target, location: location)
      report.notes += outcome.notes
      report.imageDigest = outcome.result?.imageDigest
      report.passCount = outcome.result?.passCount ?? 0
      if let completion = outcome.result?.completion {
        counters.take(completion.counters, from: .target)
      }
      report.connectionCount = 1 + (connection.strands?.joinedCount ?? 0)
      return report
    }
  }

  /// Pulls the image at the other end to `path`.
  func pull(to path: String) throws(TransferError) -> Report {
    let start = Clock.now
    let job = job(
      .copy, serverRole: .source, suggestedName: ImageOpening.baseName(of: location.path))
    return try converse(job: job) { (connection, giveUp) throws(TransferError) in
      let end = TargetEnd(
        path: path, seeds: settings.seeds, siblings: settings.siblings, policy: .anything, job: job,
        manifest: settings.manifest,
        connection: connection,
        counters: counters, giveUp: giveUp)
      let outcome = try end.run()
      var report = Report()
      report.targetName = outcome.name
      report.targetPath = outcome.name
      report.imageByteCount = outcome.byteCount
      report.imageDigest = outcome.result.imageDigest
      report.passCount = outcome.result.passCount
      report.isVerified = outcome.result.isVerified
      report.notes = outcome.notes
      report.estimate = estimate(
        outcome.result.measurement, since: start, isFirstCopy: outcome.startsZero)
      report.connectionCount = 1 + (connection.strands?.joinedCount ?? 0)
      return report
    }
  }

  /// Compares the local image with the remote one; the local one is the source.
  func verify(_ path: String) throws(TransferError) -> Report {
    let job = job(.verify, serverRole: .target, suggestedName: "")
    let image = try openSource(path, job: job)
    let memory = SourceMemory(of: image, job: job, at: settings.manifest)
    let headStart = headStart(for: image, job, memory)
    defer { headStart?.stop() }
    return try converse(job: job) { (connection, giveUp) throws(TransferError) in
      let end = SourceEnd(
        path: path, policy: .anything, job: job, connection: connection, counters: counters,
        memory: memory, headStart: headStart, giveUp: giveUp)
      let outcome = try end.run(image)
      var report = Report(outcome.target, location: location)
      report.notes += outcome.notes
      report.take(
        outcome.verdict, sourceByteCount: image.byteCount,
        targetByteCount: outcome.target.byteCount)
      report.connectionCount = 1 + (connection.strands?.joinedCount ?? 0)
      return report
    }
  }

  /// Compares the remote image with the local one; the remote one is the source.
  func verify(against path: String) throws(TransferError) -> Report {
    let job = job(.verify, serverRole: .source, suggestedName: "")
    return try converse(job: job) { (connection, giveUp) throws(TransferError) in
      let end = TargetEnd(
        path: path, seeds: [], policy: .anything, job: job, manifest: settings.manifest,
        connection: connection,
        counters: counters, giveUp: giveUp)
      let outcome = try end.run()
      var report = Report()
      report.targetName = outcome.name
      report.notes = outcome.notes
      report.imageByteCount = outcome.byteCount
      report.take(
        outcome.verdict, sourceByteCount: outcome.sourceByteCount,
        targetByteCount: outcome.byteCount)
      report.connectionCount = 1 + (connection.strands?.joinedCount ?? 0)
      return report
    }
  }

  /// The name of the image at the other end.
  func digest() throws(TransferError) -> ImageName {
    let job = job(.digest, serverRole: .source, suggestedName: "")
    return try converse(job: job) { (connection, _) throws(TransferError) in
      try Handshake.receiveImageName(connection)
    }
  }

  /// What was measured and counted, as an estimate; a copy onto nothing sends while it compares.
  private func estimate(
    _ measurement: Measurement?, since start: Double, isFirstCopy: Bool
  ) -> Estimate? {
    guard let measurement else { return nil }
    return Estimate(
      counters.snapshot, measurement.appraisal, settings: settings,
      comparisonSeconds: measurement.comparedAt - start,
      sendsMeanwhile: isFirstCopy || settings.isWhole)
  }

  /// Where everything is sent unasked the scan stays near the sender, which reads it all again.
  /// What is proved by a manifest need not be read.
  private func headStart(
    for image: any CopySource, _ job: Job, _ memory: SourceMemory
  ) -> HeadStart? {
    if job.isWhole || memory.provedDigest != nil { return nil }
    return HeadStart(
      image, threadCount: job.threadCount,
      memory: memory.scanMemory(passNumber: 1, needsAllPages: false))
  }

  private func openSource(_ path: String, job: Job) throws(TransferError) -> any CopySource {
    do throws(StorageError) {
      return try ImageOpening.source(path, within: .anything, isForced: job.isForced)
    } catch {
      throw TransferError(.source, error)
    }
  }

}

// MARK: - The connection

extension RemoteRun {
  /// Seconds in which the other end may finish what it is saying after a failure.
  private static let graceSeconds = 2.0
  private static let progressIntervalMilliseconds: UInt32 = 250

  func job(
    _ operation: Job.Operation, serverRole: Job.Role, suggestedName: String
  ) -> Job {
    Job(
      operation: operation == .copy ? copying : operation,
      serverRole: serverRole, isWhole: settings.isWhole, keepsSparse: settings.keepsSparse,
      isForced: settings.isForced, verifiesTarget: settings.verifiesTarget,
      keepsManifests: settings.manifest != .none, readsSource: settings.readsSource,
      isParanoid: settings.isParanoid, trustsTarget: settings.trustsTarget,
      isAtomic: settings.isAtomic,
      sizePolicy: Job.SizePolicy(settings.sizePolicy),
      spotCheckCount: settings.spotCheckCount, threadCount: settings.threadCount,
      indexMemoryByteCount: settings.indexMemoryByteCount, compression: settings.compression,
      bandwidthLimit: settings.bandwidthLimit, suggestedName: suggestedName,
      progressIntervalMilliseconds: Self.progressIntervalMilliseconds)
  }

  private var copying: Job.Operation {
    settings.isEstimate ? .measure : settings.isDryRun ? .estimate : .copy
  }

  func converse<Result>(
    job: Job,
    _ body: (Connection, @escaping @Sendable () -> Void) throws(TransferError) -> Result
  ) throws(TransferError) -> Result {
    var arguments = ["--server", job.serverRole == .source ? "source" : "target"]
    if job.serverRole == .target {
      arguments += settings.seeds.flatMap { ["--seed", $0] }
      arguments += settings.siblings.flatMap { ["--sibling", $0] }
    }
    arguments += ["--", location.path]
    let shell = try RemoteShell(
      location, settings: settings, serverArguments: arguments, announce: announce)
    let connection = Connection(
      input: shell.input, output: shell.output,
      otherEnd: location.isHere ? nil : location.host, counters: counters,
      timeoutSeconds: settings.timeoutSeconds, bandwidthLimit: settings.bandwidthLimit)
    connection.tell = { [announce, location] text in
      announce(.note(location.isHere ? text : "\(location.host): \(text)"))
    }
    var isGreeted = false
    do throws(TransferError) {
      let features = try Handshake.greet(connection)
      isGreeted = true
      let opener = opener(for: job, connection, features)
      defer { opener?.stop() }
      connection.send(.job(job))
      let result = try body(connection) { shell.terminate(afterSeconds: Self.graceSeconds) }
      connection.stop()
      shell.finish()
      return result
    } catch {
      shell.terminate(afterSeconds: Self.graceSeconds)
      connection.stop()
      throw Diagnosis.explain(error, shell: shell, isGreeted: isGreeted)
    }
  }

  /// What opens further connections, of which only a copy has use.
  private func opener(
    for job: Job, _ connection: Connection, _ features: UInt64
  ) -> StrandOpener? {
    guard job.operation == .copy, settings.connections != .exactly(1), !location.isHere else {
      return nil
    }
    guard features & Hello.strands != 0 else {
      announce(.detail("\(location.host): the other end knows of one connection only"))
      return nil
    }
    let isPush = job.serverRole == .target
    let (announce, host) = (announce, location.host)
    let strands = Strands(connection, isSource: isPush, isServer: false, counters: counters) {
      announce(.detail("\(host): a further connection was lost; the others go on"))
    }
    connection.strands = strands
    let opener = StrandOpener(
      strands, on: connection, to: location, isPush: isPush, settings: settings,
      counters: counters, announce: announce)
    opener.start()
    return opener
  }
}

extension Report {
  /// How a comparison came out. Without a verdict the sizes already differ.
  mutating func take(_ verdict: Verdict?, sourceByteCount: UInt64, targetByteCount: UInt64) {
    guard let verdict else {
      tell(differentSizes: sourceByteCount, targetByteCount)
      return
    }
    isEqual = verdict.isEqual
    firstDifference = verdict.firstDifference
    differingByteCount = verdict.differingByteCount
    imageDigest = verdict.isEqual ? verdict.imageDigest : nil
  }

  init(_ target: TargetDescription, location: RemoteLocation) {
    self.init()
    targetName = location.placed(target.name)
    targetPath = target.name
    imageByteCount = target.byteCount
    notes = target.notes
  }
}
