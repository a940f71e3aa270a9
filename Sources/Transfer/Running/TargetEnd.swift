// SPDX-License-Identifier: Apache-2.0

import Storage
import Wire

/// A target at one end of a connection, from opening it to the last word; the same whether this
/// process is the client or the server.
struct TargetEnd {
  let path: String
  let seeds: [String]
  var siblings: [String] = []
  let policy: PathPolicy
  let job: Job
  /// Where this end keeps what it remembers of its image.
  var manifest = ManifestPlace.byKey
  let connection: Connection
  let counters: Counters
  let giveUp: @Sendable () -> Void

  /// What a finished conversation leaves behind.
  struct Outcome {
    var name: String
    var byteCount: UInt64
    var sourceByteCount: UInt64
    /// Nothing is there that could be compared.
    var startsZero = false
    var result: TargetRole.Outcome
    var notes: [String]
    /// Only of a comparison of images of one size.
    var verdict: Verdict?
  }

  func run() throws(TransferError) -> Outcome {
    if job.operation == .digest { throw .breach("'digest' is not for a target") }
    let source = try Handshake.receiveSource(connection)
    if job.operation == .verify { return try compare(with: source) }
    let (image, seeds) = try openAll(for: source)
    var memory = try remember(image, source: source)
    memory.notes += seeds.notes
    return try run(image, seeds: seeds, memory: memory)
  }

  /// What is known of the target, and whether it still holds.
  private func remember(
    _ image: any CopyTarget, source: SourceDescription
  ) throws(TransferError) -> Memory {
    var memory = Memory()
    let place = job.keepsManifests ? manifest : .none
    var finding = image.findManifest(place)
    memory.notes += [finding.note].compactMap(\.self)
    if job.isLive && finding.manifest == nil { finding.manifest = try scratch(for: image) }
    memory.target = TargetMemory(finding, of: image, job: job, peer: connection.placed(source.name))
    do throws(TransferError) {
      try memory.target?.spotCheck()
    } catch {
      connection.tell(error)
      throw error
    }
    memory.notes += memory.target?.notes ?? []
    return memory
  }

  /// A live copy cannot do without.
  private func scratch(for image: any CopyTarget) throws(TransferError) -> Manifest {
    do throws(StorageError) {
      return try .scratch(byteCount: image.byteCount, role: .target, name: image.name)
    } catch {
      let failure = TransferError(.target, error)
      connection.tell(failure)
      throw failure
    }
  }

  private struct Memory {
    var target: TargetMemory?
    var notes: [String] = []
  }

  /// What fails before the role takes over is told here.
  private func openAll(
    for source: SourceDescription
  ) throws(TransferError) -> (any CopyTarget, Seeds) {
    do throws(TransferError) {
      let image = try open(for: source)
      return (image, try openSeeds(besides: image))
    } catch {
      connection.tell(error)
      throw error
    }
  }

  private func run(
    _ image: any CopyTarget, seeds: Seeds, memory: Memory
  ) throws(TransferError) -> Outcome {
    counters.set(.imageByteCount, to: image.byteCount)
    let role = TargetRole(
      image: image, seeds: seeds.images, seedManifests: seeds.manifests, job: job,
      connection: connection, counters: counters,
      memory: memory.target, giveUp: giveUp)
    connection.agree(on: role.shape)
    var description = TargetDescription(image)
    if job.isWholeEstimate { description.startsZero = true }
    description.seeksGroups = description.startsZero && !job.isWhole && !seeds.manifests.isEmpty
    description.knownDigest = memory.target?.knownDigest
    description.notes += memory.notes
    connection.send(.target(description))
    if job.serverRole == .target {
      memory.target?.tell = { [connection] in connection.note($0) }
    }
    let result = try role.run()
    return Outcome(
      name: image.name, byteCount: image.byteCount, sourceByteCount: image.byteCount,
      startsZero: description.startsZero, result: result,
      notes: image.notes + memory.notes + (memory.target?.notes ?? []))
  }

  private func open(for source: SourceDescription) throws(TransferError) -> any CopyTarget {
    do throws(StorageError) {
      return try ImageOpening.target(
        TargetRequest(
          path: path, suggestedName: job.suggestedName, sourceByteCount: source.byteCount,
          sourceIdentity: source.identityHere, sizePolicy: SizePolicy(job.sizePolicy),
          isForced: job.isForced, isDryRun: job.isDryRun,
          keepsSparse: job.keepsSparse, isAtomic: job.isAtomic,
          appearsAtOnce: job.appearsAtOnce),
        within: policy)
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func openSeeds(besides target: any CopyTarget) throws(TransferError) -> Seeds {
    do throws(StorageError) {
      return try Seeds.open(
        seeds, siblings: siblings, besides: target, within: policy,
        remembering: job.keepsManifests && !job.isParanoid)
    } catch {
      throw TransferError(.target, error)
    }
  }

  private func compare(with source: SourceDescription) throws(TransferError) -> Outcome {
    let image: any CopySource
    do throws(StorageError) {
      image = try ImageOpening.source(path, within: policy, isForced: true)
    } catch {
      let failure = TransferError(.target, error)
      connection.tell(failure)
      throw failure
    }
    let agreed = ComparedLength.agree(
      SizePolicy(job.sizePolicy), source: source.byteCount, target: image.byteCount,
      targetKind: image.kind)
    counters.set(.imageByteCount, to: agreed ?? image.byteCount)
    connection.send(.target(TargetDescription(image, comparing: agreed ?? image.byteCount)))
    var outcome = Outcome(
      name: image.name, byteCount: image.byteCount, sourceByteCount: source.byteCount,
      result: TargetRole.Outcome(imageDigest: nil, passCount: 1, isVerified: false),
      notes: image.notes)
    if let agreed {
      outcome.verdict = try TargetComparison(
        image: image, byteCount: agreed, threadCount: job.threadCount, connection: connection,
        counters: counters
      ).run()
    }
    return outcome
  }
}

extension TargetDescription {
  /// A target that is only compared.
  init(_ image: any CopySource, comparing byteCount: UInt64) {
    self.init(
      byteCount: byteCount, startsZero: false, isNew: false, wasUnfinished: false,
      name: image.name, notes: image.notes)
  }

  init(_ image: any CopyTarget) {
    self.init(
      byteCount: image.byteCount, startsZero: image.startsZero, isNew: image.isNew,
      wasUnfinished: image.wasUnfinished, name: image.name, notes: image.notes)
  }
}

extension Job {
  /// What would a copy send that compares nothing? The same as to a target where nothing is.
  var isWholeEstimate: Bool { isDryRun && isWhole }
}

extension SizePolicy {
  init(_ policy: Job.SizePolicy) {
    switch policy {
    case .strict: self = .strict
    case .resize: self = .resize
    case .min: self = .min
    }
  }
}

extension Job.SizePolicy {
  init(_ policy: SizePolicy) {
    switch policy {
    case .strict: self = .strict
    case .resize: self = .resize
    case .min: self = .min
    }
  }
}
