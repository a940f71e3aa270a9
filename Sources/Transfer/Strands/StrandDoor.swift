// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Wire

/// Where further connections join the server of a run: a socket of this machine, in no file
/// system, so that nothing of it can be left behind.
///
/// Whoever comes must act for the same user, hand over the two descriptors of his connection, and
/// show there the token that the client was given inside the conversation.
///
/// ## Concurrency
/// One thread accepts, and each caller is heard by one of its own, so that nobody who is silent
/// keeps others out. `state` is guarded by its monitor.
final class StrandDoor: Sendable {
  typealias Admit = @Sendable (Strand, FrameParser, Int) -> Bool

  private struct State {
    /// Closing it ends the thread that accepts.
    var canceller: Int32?
    var invitation: Invitation?
    /// How many the client has asked for in all.
    var askedCount = 0
    var admittedCount = 0
    var isClosed = false
  }

  private let pace: Pace
  private let counters: Counters
  private let state = Monitor(State())

  /// Whoever belongs here says so at once; over a slow line his first word may take a while.
  private static let patienceSeconds = 10.0
  private static let namePrefix = "blkmove-"
  /// Who may knock, the unwelcome included: other users see the name and may try.
  private static let mostCallers = 1024
  private static let backlog: Int32 = 32

  init(pace: Pace, counters: Counters) {
    self.pace = pace
    self.counters = counters
  }

  static func address(_ name: String) -> String { namePrefix + name }

  /// Lets so many more in, and says where. None are invited where there can be no door; 0 only
  /// asks how long an answer takes.
  func open(for count: Int, admit: @escaping Admit) throws(TransferError) -> Invitation {
    if count == 0 { return .none }
    let askedCount = state.update { state in
      state.askedCount += count
      return state.askedCount
    }
    if askedCount > WireLimits.strandCount {
      throw .breach("more connections are wanted than one run may have")
    }
    return state.update { state in
      if state.isClosed { return .none }
      if let invitation = state.invitation { return invitation }
      guard let invitation = open(&state, admit) else { return .none }
      state.invitation = invitation
      return invitation
    }
  }

  private func open(_ state: inout State, _ admit: @escaping Admit) -> Invitation? {
    let name = JoinToken.random().hexadecimal
    let socket = linux_local_socket()
    var ends: [Int32] = [-1, -1]
    guard socket >= 0, unsafe linux_bind_name(socket, Self.address(name)) == 0,
      listen(socket, Self.backlog) == 0, unsafe linux_pipe(&ends) == 0
    else {
      if socket >= 0 { Glibc.close(socket) }
      return nil
    }
    state.canceller = ends[1]
    let invitation = Invitation(name: name, token: .random())
    let (cancelled, token) = (ends[0], invitation.token)
    _ = WorkerThread { [self] in
      accept(from: socket, until: cancelled) { caller in
        _ = WorkerThread { self.hear(caller, token, admit) }
      }
      Glibc.close(socket)
      Glibc.close(cancelled)
    }
    return invitation
  }

  private func accept(
    from socket: Int32, until cancelled: Int32, _ hear: (Int32) -> Void
  ) {
    var waited = [
      pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
      pollfd(fd: cancelled, events: Int16(POLLIN), revents: 0),
    ]
    var callerCount = 0
    while callerCount < Self.mostCallers {
      let count = unsafe poll(&waited, 2, -1)
      if count < 0 && errno == EINTR { continue }
      if count < 0 || waited[1].revents != 0 { return }
      let caller = linux_accept(socket)
      if caller < 0 { return }
      callerCount += 1
      if Self.isOurUser(caller) { hear(caller) } else { Glibc.close(caller) }
    }
  }

  /// Whether the process at the other end acts for the same user as this one.
  static func isOurUser(_ socket: Int32) -> Bool {
    var user: UInt32 = 0
    return unsafe linux_peer_user(socket, &user) == 0 && user == geteuid()
  }

  private func hear(_ caller: Int32, _ token: JoinToken, _ admit: Admit) {
    guard let strand = Self.receive(from: caller),
      let parser = StrandGreeting.hear(
        token, on: strand, counters: counters, seconds: Self.patienceSeconds),
      let number = number()
    else { return }
    // The answer goes first: on it the client's end begins to count.
    let isAnswered = StrandGreeting.answer(number, on: strand, pace: pace, counters: counters)
    if isAnswered { _ = admit(strand, parser, number) }
  }

  /// The descriptors of somebody's connection. With his socket closed, he goes.
  private static func receive(from caller: Int32) -> Strand? {
    var waited = pollfd(fd: caller, events: Int16(POLLIN), revents: 0)
    var descriptors: [Int32] = [-1, -1]
    guard unsafe poll(&waited, 1, Int32(patienceSeconds * 1000)) > 0,
      unsafe linux_receive_descriptors(caller, &descriptors) == 0
    else {
      Glibc.close(caller)
      return nil
    }
    return Strand(input: descriptors[0], output: descriptors[1], companion: caller)
  }

  /// The number of the next one, when there may be one.
  private func number() -> Int? {
    state.update { state in
      guard !state.isClosed, state.admittedCount < state.askedCount else { return nil }
      state.admittedCount += 1
      return state.admittedCount
    }
  }

  /// Nobody is let in any more.
  func close() {
    state.update { state in
      state.isClosed = true
      if let canceller = state.canceller { Glibc.close(canceller) }
      state.canceller = nil
    }
  }
}
