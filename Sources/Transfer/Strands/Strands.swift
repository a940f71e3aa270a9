// SPDX-License-Identifier: Apache-2.0

import Wire

/// The further connections of one run as one end sees them. The first connection carries the
/// conversation, and data like the others; they carry data only, so that a link with a long round
/// trip, of which one connection of ssh can use two mebibytes a round trip, is filled.
///
/// ## Concurrency
/// Its parts are safe by themselves. `state` is guarded by its monitor.
final class Strands: Sendable {
  private struct State {
    var joinedCount = 0
    var mayJoin = false
    /// The client's: gets the server's answers.
    var invited: (@Sendable (Invitation) -> Void)?
  }

  /// Only of the end that sends.
  let outgoing: OutgoingStrands?
  /// Only of the end that receives.
  let incoming: IncomingStrands?
  private let outbox: Outbox
  /// Only of the server.
  private let door: StrandDoor?
  private let state = Monitor(State())

  /// `lost` is told when one of them has ended before the run.
  init(
    _ connection: Connection, isSource: Bool, isServer: Bool, counters: Counters,
    lost: @escaping @Sendable () -> Void = {}
  ) {
    outbox = connection.outbox
    outgoing =
      isSource
      ? OutgoingStrands(
        outbox: outbox, pace: connection.pace, counters: counters, lost: lost) : nil
    incoming = isSource ? nil : IncomingStrands(counters: counters, lost: lost)
    door = isServer ? StrandDoor(pace: connection.pace, counters: counters) : nil
  }

  /// How many have carried this run, or could have.
  var joinedCount: Int { state.peek { $0.joinedCount } }
  /// Whether data may come other than over the first connection.
  var mayJoin: Bool { state.peek { $0.mayJoin } }

  /// Asks the server for an invitation, whose answer goes to `invited`.
  func request(_ count: Int, invited: @escaping @Sendable (Invitation) -> Void) {
    state.update { state in
      state.invited = invited
      if count > 0 { state.mayJoin = true }
    }
    outbox.put(Message.strands(count).encoded())
  }

  /// A connection has shown that it belongs to this run; `parser` is where its reading is.
  func attach(_ strand: Strand, _ parser: FrameParser, number: Int) -> Bool {
    let isAttached =
      outgoing?.attach(strand, number: number)
      ?? incoming?.attach(strand, parser, number: number) ?? false
    if isAttached { state.update { $0.joinedCount += 1 } }
    return isAttached
  }

  /// Deals with what is said about further connections; false for everything else.
  func take(_ message: Message) throws(TransferError) -> Bool {
    switch message {
    case .strands(let count):
      guard let door else { throw .breach("'strands' is not for a client") }
      if count > 0 { state.update { $0.mayJoin = true } }
      let invitation = try door.open(for: count) { [weak self] strand, parser, number in
        self?.attach(strand, parser, number: number) ?? false
      }
      outbox.put(Message.invitation(invitation).encoded())
    case .invitation(let invitation):
      guard let invited = state.peek({ $0.invited }) else {
        throw .breach("'invitation' that nobody asked for")
      }
      invited(invitation)
    case .arrived(let arrival):
      guard let outgoing else { throw .breach("'arrived' is not for a target") }
      try outgoing.take(arrival)
    case .leave(let number):
      guard let incoming else { throw .breach("'leave' is not for a source") }
      incoming.leave(number)
    default: return false
    }
    return true
  }

  /// Ends all of them, and lets nobody join any more.
  func stop() {
    door?.close()
    outgoing?.stop()
    incoming?.stop()
    state.update { $0.invited = nil }
  }
}
