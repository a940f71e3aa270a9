// SPDX-License-Identifier: Apache-2.0

import Storage
import Wire

/// A source at one end of a connection, from opening the image to the last word; the same
/// whether this process is the client or the server.
struct SourceEnd {
  let path: String
  let policy: PathPolicy
  let job: Job
  let connection: Connection
  let counters: Counters
  /// What is remembered of the image.
  var memory = SourceMemory.nothing
  /// A scan of the image that has begun already.
  var headStart: HeadStart?
  /// Of a live copy.
  var director: (any RoundDirector)?
  let giveUp: @Sendable () -> Void

  /// What a finished conversation leaves behind.
  struct Outcome {
    var target: TargetDescription
    var result: SourceRole.Outcome?
    var verdict: Verdict?
    var notes: [String]
  }

  static func open(
    _ path: String, within policy: PathPolicy, job: Job, _ connection: Connection
  ) throws(TransferError) -> any CopySource {
    do throws(StorageError) {
      return try ImageOpening.source(path, within: policy, isForced: job.isForced)
    } catch {
      let failure = TransferError(.source, error)
      connection.tell(failure)
      throw failure
    }
  }

  func run(_ image: any CopySource) throws(TransferError) -> Outcome {
    counters.set(.imageByteCount, to: image.byteCount)
    connection.send(.source(SourceDescription(image)))
    if job.serverRole == .source {
      for note in image.notes + memory.notes { connection.note(note) }
    }
    let target = try Handshake.receiveTarget(connection)
    if job.operation == .verify {
      return try compare(image, with: target)
    }
    let isPart = job.sizePolicy == .min && target.byteCount < image.byteCount
    guard isPart || target.byteCount == image.byteCount else {
      throw .breach("the target is to have another size than the source's")
    }
    counters.set(.imageByteCount, to: target.byteCount)
    let memory = isPart ? SourceMemory.nothing : memory
    let role = SourceRole(
      image: image, byteCount: target.byteCount, job: job, connection: connection,
      counters: counters, memory: memory, headStart: headStart, giveUp: giveUp)
    connection.agree(on: role.shape)
    let result =
      if let director { try role.runLive(target: target, director: director) } else {
        try role.run(target: target)
      }
    return Outcome(
      target: target, result: result,
      notes: image.notes + memory.notes + result.notes)
  }
}

extension SourceEnd {
  /// Images of different size differ, and nothing more has to be said.
  private func compare(
    _ image: any CopySource, with target: TargetDescription
  ) throws(TransferError) -> Outcome {
    var outcome = Outcome(target: target, notes: image.notes)
    let agreed = ComparedLength.conclude(
      SizePolicy(job.sizePolicy), source: image.byteCount, answer: target.byteCount)
    if let agreed {
      counters.set(.imageByteCount, to: agreed)
      let role = SourceRole(
        image: image, byteCount: agreed, job: job, connection: connection,
        counters: counters, memory: .nothing, headStart: headStart, giveUp: giveUp)
      connection.agree(on: role.shape)
      outcome.verdict = try role.compare(with: target)
    }
    return outcome
  }
}

extension SourceDescription {
  init(_ image: any CopySource) {
    self.init(
      byteCount: image.byteCount, kind: image.kind == .device ? .device : .file,
      name: image.name, machine: Machine.bootIdentifier,
      deviceNumber: image.identity.deviceNumber, inode: image.identity.inode)
  }

  /// The source's identity, when it lies on this very machine.
  var identityHere: ImageIdentity? {
    guard !machine.isEmpty, machine == Machine.bootIdentifier else { return nil }
    return ImageIdentity(
      kind: kind == .device ? .device : .file, deviceNumber: deviceNumber, inode: inode,
      byteCount: byteCount)
  }
}
