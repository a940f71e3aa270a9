// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

@testable import Transfer

/// Both roles in one process, with real files behind them and a line between them.
struct Conversation {
  var job = Job(operation: .copy, serverRole: .target)
  var source: SourceImage
  var target: TargetImage
  var seeds: [SourceImage] = []
  /// What is remembered of them, by their number from 1.
  var seedManifests: [Int: Manifest] = [:]
  /// Of a live copy.
  var director: (any RoundDirector)?
  /// Over so many further connections as well.
  var strandCount = 0
  /// What happens to them, when the first data has come.
  var disturb: @Sendable ([Line]) -> Void = { _ in }

  /// How it ended at either end.
  struct Ending: Sendable {
    var source: Result<SourceRole.Outcome, TransferError>
    var target: Result<TargetRole.Outcome, TransferError>
    var sourceCounters: Counters.Snapshot
    var targetCounters: Counters.Snapshot
  }

  func run(seconds: Double = 30) throws -> Ending {
    let line = Line()
    let strands = (0..<strandCount).map { _ in Line() }
    let (sourceCounters, targetCounters) = (Counters(), Counters())
    let sending = Watchdog.Running("the source", seconds: seconds) {
      [job, source, target, seedManifests, director] in
      var description = TargetDescription(target)
      description.seeksGroups = !seedManifests.isEmpty
      return Self.send(
        source, to: description, job, line.near, sourceCounters,
        strands: strands.map(\.near), director: director)
    }
    let receiving = Watchdog.Running("the target", seconds: seconds) {
      [job, target, seeds, seedManifests] in
      Self.receive(
        target, seeds: seeds, remembered: seedManifests, job, line.far, targetCounters,
        strands: strands.map(\.far))
    }
    let isOver = Monitor(false)
    let disturbing = Watchdog.Running("the disturbance", seconds: seconds) { [disturb] in
      while targetCounters.snapshot.sent == 0 {
        if isOver.wait(seconds: 0.001, { $0 ? true : nil }) != nil { return }
      }
      disturb(strands)
    }
    defer {
      isOver.update { $0 = true }
      try? disturbing.value()
    }
    return Ending(
      source: try sending.value(), target: try receiving.value(),
      sourceCounters: sourceCounters.snapshot, targetCounters: targetCounters.snapshot)
  }

  static func send(
    _ image: SourceImage, to target: TargetDescription, _ job: Job, _ end: Line.End,
    _ counters: Counters = Counters(), timeoutSeconds: Int? = nil, strands: [Line.End] = [],
    director: (any RoundDirector)? = nil
  ) -> Result<SourceRole.Outcome, TransferError> {
    let connection = Connection(end, counters: counters, timeoutSeconds: timeoutSeconds)
    connection.strand(strands, isSource: true, counters)
    if job.serverRole == .target { connection.tell = { _ in } }
    do throws(TransferError) {
      let memory =
        director == nil ? .nothing : try SourceMemory(ofLive: image, job: job, at: .none)
      let role = SourceRole(
        image: image, byteCount: target.byteCount, job: job, connection: connection,
        counters: counters, memory: memory, giveUp: {})
      connection.agree(on: role.shape)
      if let director {
        return .success(try role.runLive(target: target, director: director))
      }
      return .success(try role.run(target: target))
    } catch {
      return .failure(error)
    }
  }

  static func receive(
    _ image: TargetImage, seeds: [SourceImage] = [],
    remembered seedManifests: [Int: Manifest] = [:],
    _ job: Job, _ end: Line.End, _ counters: Counters = Counters(), timeoutSeconds: Int? = nil,
    strands: [Line.End] = []
  ) -> Result<TargetRole.Outcome, TransferError> {
    let connection = Connection(end, counters: counters, timeoutSeconds: timeoutSeconds)
    connection.strand(strands, isSource: false, counters)
    if job.serverRole == .source { connection.tell = { _ in } }
    let role = TargetRole(
      image: image, seeds: seeds, seedManifests: seedManifests, job: job, connection: connection,
      counters: counters, memory: job.isLive ? scratchMemory(of: image, job) : nil,
      giveUp: {})
    connection.agree(on: role.shape)
    do throws(TransferError) {
      return .success(try role.run())
    } catch {
      return .failure(error)
    }
  }

  private static func scratchMemory(of image: TargetImage, _ job: Job) -> TargetMemory? {
    let manifest = try? Manifest.scratch(
      byteCount: image.byteCount, role: .target, name: image.name)
    return TargetMemory(
      Manifest.Finding(manifest: manifest, standing: .new), of: image, job: job, peer: "")
  }
}
