// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Wire

/// The other end of a run: speaks the protocol on standard input and output until it is over.
package struct Server: Sendable {
  /// Which side of the conversation a server takes.
  package enum Role: String, Sendable, CaseIterable {
    case source, target
  }

  /// What a restricted server may do to its paths.
  package enum Mode: String, Sendable, CaseIterable {
    case readWrite, readOnly, writeOnly
  }

  package var role: Role
  package var path: String
  package var seeds: [String]
  /// Seeds that are left out where they may not be read.
  package var siblings: [String]
  /// Paths that it may touch; nil is everything that the account may.
  package var restriction: [String]?
  package var mode: Mode

  package init(
    role: Role, path: String, seeds: [String], siblings: [String] = [],
    restriction: [String]? = nil,
    mode: Mode = .readWrite
  ) {
    self.role = role
    self.path = path
    self.seeds = seeds
    self.siblings = siblings
    self.restriction = restriction
    self.mode = mode
  }

  private var policy: PathPolicy {
    guard let restriction else { return .anything }
    switch mode {
    case .readWrite: return PathPolicy(restrictedTo: restriction, mode: .readWrite)
    case .readOnly: return PathPolicy(restrictedTo: restriction, mode: .readOnly)
    case .writeOnly: return PathPolicy(restrictedTo: restriction, mode: .writeOnly)
    }
  }

  /// Serves one job and returns the status to exit with; errors go to the other end.
  package func serve() -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    let counters = Counters()
    let connection = Connection(input: 0, output: 1, otherEnd: nil, counters: counters)
    do throws(TransferError) {
      try serve(connection, counters)
      connection.stop()
      return .done
    } catch {
      connection.tell(error)
      connection.stop()
      return error.status
    }
  }

  /// Tells the client why it is not served, and returns the status to exit with.
  package static func refuse(_ error: TransferError) -> ExitStatus {
    signal(SIGPIPE, SIG_IGN)
    let connection = Connection(input: 0, output: 1, otherEnd: nil, counters: Counters())
    _ = try? Handshake.greet(connection)
    connection.tell(error)
    connection.stop()
    return error.status
  }

  private func serve(
    _ connection: Connection, _ counters: Counters
  ) throws(TransferError) {
    let features = try Handshake.greet(connection)
    if features & Hello.strands != 0 {
      connection.strands = Strands(
        connection, isSource: role == .source, isServer: true, counters: counters)
    }
    defer { connection.strands?.stop() }
    let job = try Handshake.receiveJob(connection)
    guard job.serverRole == (role == .source ? .source : .target) else {
      throw .breach("a server that was started as \(role.rawValue) is asked to be the other")
    }
    connection.limit(bytesPerSecond: job.bandwidthLimit)
    let teller = ProgressTeller(
      connection, counters: counters, milliseconds: job.progressIntervalMilliseconds)
    defer { teller.stop() }
    let path = Self.expandingHome(path)
    switch role {
    case .source:
      let image = try SourceEnd.open(path, within: policy, job: job, connection)
      let end = SourceEnd(
        path: path, policy: policy, job: job, connection: connection, counters: counters,
        memory: SourceMemory(of: image, job: job, at: .byKey), giveUp: {})
      if job.operation == .digest {
        try sendDigest(of: image, job: job, connection: connection, counters: counters)
      } else {
        _ = try end.run(image)
      }
    case .target where job.operation == .stream:
      try StreamTarget.serve(
        path, policy: policy, job: job, connection: connection, counters: counters)
    case .target:
      _ = try TargetEnd(
        path: path, seeds: seeds.map(Self.expandingHome),
        siblings: siblings, policy: policy, job: job,
        connection: connection, counters: counters, giveUp: {}
      ).run()
    }
  }

  private func sendDigest(
    of image: any CopySource, job: Job, connection: Connection, counters: Counters
  ) throws(TransferError) {
    let threadCount = WorkerThread.count(for: job.threadCount)
    let digest = try ImageDigest.compute(
      of: image, byteCount: image.byteCount, threadCount: threadCount, end: .source,
      counters: counters)
    connection.send(.digest(ImageName(imageDigest: digest, byteCount: image.byteCount)))
  }

  /// The path is quoted for the remote shell, so that `~/` is left for us to understand.
  static func expandingHome(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = unsafe getenv("HOME") else {
      return path
    }
    return unsafe String(cString: home) + path.dropFirst()
  }
}
