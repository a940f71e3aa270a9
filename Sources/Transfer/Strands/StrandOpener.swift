// SPDX-License-Identifier: Apache-2.0

import Wire

/// The client's part in further connections: decides how many, starts a remote shell for each, and
/// sees to their end. Nothing of it holds the run up, and nothing that fails in it fails the run:
/// what cannot be opened is missing, quietly.
///
/// ## Concurrency
/// One thread decides and waits; one for each remote shell holds its greeting. `state` is guarded
/// by its monitor.
final class StrandOpener: Sendable {
  private struct State {
    var isStopped = false
    var invitation: Invitation?
    var attemptCount = 0
    var attempts: [Attempt] = []
    var threads: [WorkerThread] = []
  }

  /// One remote shell that was started to join.
  private struct Attempt {
    let shell: RemoteShell
    let strand: Strand
  }

  private let location: RemoteLocation
  private let settings: Settings
  private let connection: Connection
  private let strands: Strands
  private let counters: Counters
  private let announce: Announce
  private let isPush: Bool
  private let state = Monitor(State())
  private let thread = Monitor<WorkerThread?>(nil)

  /// As many as no sshd refuses that is configured as it comes (MaxStartups 10).
  private static let mostAtOnce = 4
  /// For the way in; a line that needs longer is no help.
  private static let joiningSeconds = 30.0
  /// How long a remote shell may take to end after its connection has.
  private static let graceSeconds = 0.25

  init(
    _ strands: Strands, on connection: Connection, to location: RemoteLocation, isPush: Bool,
    settings: Settings, counters: Counters, announce: @escaping Announce
  ) {
    self.location = location
    self.settings = settings
    self.connection = connection
    self.strands = strands
    self.counters = counters
    self.announce = announce
    self.isPush = isPush
  }

  /// To be called after the greeting: while nothing else is said yet, a round trip can be timed.
  func start() {
    switch settings.connections {
    case .exactly(let count) where count > 1:
      let wanted = min(count, Connections.mostCount) - 1
      request(wanted)
      run { [self] in
        guard let invitation = invitation() else { return }
        open(wanted, with: invitation)
      }
    case .exactly: break
    case .automatic:
      let start = Clock.now
      request(0)
      run { [self] in
        guard invitation() != nil else { return }
        let policy = StrandPolicy(
          roundTrip: Clock.now - start, bandwidthLimit: settings.bandwidthLimit)
        guard policy.isWorthAnInvitation else { return }
        // Now, because later the answer would stand behind all the data.
        request(StrandPolicy.mostConnections - 1)
        if let invitation = invitation() { follow(policy, invitation) }
      }
    }
  }

  private func run(_ body: @escaping @Sendable () -> Void) {
    thread.update { $0 = WorkerThread(body) }
  }

  private func request(_ count: Int) {
    state.update { $0.invitation = nil }
    strands.request(count) { [state] invitation in state.update { $0.invitation = invitation } }
  }

  /// The server's answer, or nil when the run is over before.
  private func invitation() -> Invitation? {
    state.wait { state -> Invitation?? in
      if state.isStopped { return .some(nil) }
      return state.invitation.map { .some($0) }
    }
  }

  // MARK: When they pay

  /// Measures, and opens more as long as they bring something.
  private func follow(_ initial: StrandPolicy, _ invitation: Invitation) {
    var policy = initial
    while let rate = rate(over: policy.interval) {
      let count = 1 + strands.joinedCount
      switch policy.decide(rate: rate, left: leftByteCount, connectionCount: count) {
      case .wait: continue
      case .enough: return
      case .open(let more):
        guard open(more, with: invitation) else { return }
        // What they bring shows when they have reached their speed.
        if isStopped(withinSeconds: policy.interval * 2) { return }
      }
    }
  }

  /// Bytes a second, or nil when the run is over before that is known.
  private func rate(over seconds: Double) -> Double? {
    let (before, since) = (wireByteCount, Clock.now)
    if isStopped(withinSeconds: seconds) { return nil }
    return Double(wireByteCount - before) / (Clock.now - since)
  }

  private func isStopped(withinSeconds seconds: Double) -> Bool {
    state.wait(seconds: seconds) { $0.isStopped ? true : nil } ?? false
  }

  private var wireByteCount: UInt64 {
    let figures = counters.snapshot
    return isPush ? figures.wireSent : figures.wireReceived
  }

  /// What is known to be still to come. Of a copy that asks nothing, what is not read yet.
  private var leftByteCount: Double {
    let figures = counters.snapshot
    let unread = figures.imageByteCount - min(figures.imageByteCount, figures.scanned)
    return Double(settings.isWhole ? unread : figures.wanted)
  }

  // MARK: Opening

  /// Opens so many, some at a time, and waits for them; false when one could not be opened. Then
  /// the others would fail too, and no more are tried.
  @discardableResult
  private func open(_ count: Int, with invitation: Invitation) -> Bool {
    guard !invitation.name.isEmpty else {
      announce(.detail("\(location.host): no further connection can join there"))
      return false
    }
    var left = count
    while left > 0 {
      let some = min(left, Self.mostAtOnce)
      let results = Monitor<[Bool]>([])
      for _ in 0..<some {
        let joining = WorkerThread { [self] in
          let hasJoined = join(invitation)
          results.update { $0.append(hasJoined) }
        }
        state.update { $0.threads.append(joining) }
      }
      guard results.wait({ $0.count == some ? $0 : nil }).allSatisfy({ $0 }) else { return false }
      left -= some
    }
    return true
  }

  private func join(_ invitation: Invitation) -> Bool {
    guard let attempt = begin(invitation) else { return false }
    let greeting = StrandGreeting.join(
      invitation.token, on: attempt.strand, pace: connection.pace, counters: counters,
      seconds: Self.joiningSeconds)
    if let greeting,
      strands.attach(attempt.strand, greeting.parser, number: greeting.number)
    {
      return true
    }
    attempt.strand.cancel()
    attempt.shell.terminate(afterSeconds: 0)
    if !state.peek({ $0.isStopped }) {
      let status = attempt.shell.finish()
      let reason = attempt.shell.lastWords.last ?? "the remote shell ended with status \(status)"
      announce(.detail("\(location.host): no further connection: \(reason)"))
    }
    return false
  }

  private func begin(_ invitation: Invitation) -> Attempt? {
    let shell: RemoteShell
    do throws(TransferError) {
      shell = try RemoteShell(
        location, settings: Self.quiet(settings),
        serverArguments: ["--server", "join", "--", invitation.name],
        announce: { [announce] in announce(Self.asDetail($0)) })
    } catch {
      announce(.detail("\(location.host): no further connection: \(error.sentence)"))
      return nil
    }
    guard let strand = Strand(input: shell.input, output: shell.output) else {
      shell.terminate(afterSeconds: 0)
      shell.finish()
      return nil
    }
    let attempt = Attempt(shell: shell, strand: strand)
    let isInTime = state.update { state in
      state.attempts.append(attempt)
      return !state.isStopped
    }
    if !isInTime { strand.cancel() }
    return attempt
  }

  /// Banners and the like were said by the first connection already.
  private static func asDetail(_ announcement: Announcement) -> Announcement {
    guard case .remoteLine(let host, let line) = announcement else { return announcement }
    return .detail("\(host): \(line)")
  }

  /// The same with a remote shell that makes a connection of its own and asks nobody anything.
  static func quiet(_ settings: Settings) -> Settings {
    var result = settings
    let program = settings.remoteShell.first?.split(separator: "/").last
    if program == "ssh" {
      // The first value of an option counts, but the last control path.
      result.remoteShell.insert(contentsOf: ["-o", "BatchMode=yes"], at: 1)
      result.remoteShell += ["-o", "ControlMaster=no", "-S", "none"]
    }
    return result
  }

  // MARK: The end

  /// Ends everything that was opened. What the run needs has come before.
  func stop() {
    strands.stop()
    state.update { state in
      state.isStopped = true
      for attempt in state.attempts { attempt.strand.cancel() }
    }
    thread.peek { $0 }?.join()
    let (attempts, threads) = state.update { state in
      defer { (state.attempts, state.threads) = ([], []) }
      return (state.attempts.map(\.shell), state.threads)
    }
    for thread in threads { thread.join() }
    for shell in attempts { shell.terminate(afterSeconds: Self.graceSeconds) }
    for shell in attempts { shell.finish() }
  }
}
