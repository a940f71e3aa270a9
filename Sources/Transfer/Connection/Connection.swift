// SPDX-License-Identifier: Apache-2.0

import Blocks
import CLinux
import Glibc
import Wire

/// One end of the wire: messages in, messages out, over two descriptors.
///
/// Control messages are queued without waiting: the protocol bounds how many there can be, and
/// an end that waited for the wire before it read on could wait for ever. Page data waits for
/// room, and may be taken by a further connection of the run.
///
/// ## Concurrency
/// Any thread sends; one thread of this object's own writes. `parser`, `hasReceived` and
/// `hasGreeted` belong to the one thread that receives: first the one that holds the handshake,
/// then the reader that it starts. `context` is what decoding needs to know and is set by whoever
/// learns it, before the first message that depends on it can arrive. `strands` and `tell` are set
/// by the thread that holds the handshake, before it starts others.
final class Connection: @unchecked Sendable {
  private struct Context {
    var width = DigestWidth.short
    var shape: ImageShape?
  }

  /// The host at the other end, for sentences; nil for a server, whose client has no name.
  let otherEnd: String?
  private let input: Int32
  private let counters: Counters
  private let timeoutSeconds: Int?
  let outbox = Outbox(capacity: Connection.outgoingByteCount)
  let pace: Pace
  /// Of a client: what happens to notes of the server. Set before the first message is received.
  var tell: (@Sendable (String) -> Void)?
  let noteCount = Monitor(0)
  /// The further connections of this run, when both ends know what that is.
  var strands: Strands?
  private let context = Monitor(Context())
  private let writer: WorkerThread
  private let hasStopped = Monitor(false)
  private var parser = FrameParser()
  private var hasReceived = false
  private var hasGreeted = false

  /// Bytes of page data that wait for the wire.
  private static let outgoingByteCount = 3 << 20

  /// A pipe that holds a whole batch of pages: with the usual 64 KiB both ends of it would wake
  /// each other sixteen times as often.
  static let pipeByteCount: Int32 = 1 << 20

  /// Takes both descriptors over and says the magic at once.
  init(
    input: Int32, output: Int32, otherEnd: String?, counters: Counters,
    timeoutSeconds: Int? = nil, bandwidthLimit: UInt64? = nil
  ) {
    self.otherEnd = otherEnd
    self.input = input
    self.counters = counters
    self.timeoutSeconds = timeoutSeconds
    for end in [input, output] { _ = linux_widen_pipe(end, Self.pipeByteCount) }
    pace = Pace(bytesPerSecond: bandwidthLimit)
    let frameWriter = FrameWriter(
      output: output, outbox: outbox, counters: counters, pace: pace)
    writer = WorkerThread { frameWriter.run() }
    outbox.put(WireLimits.magic)
  }

  deinit { close(input) }

  var width: DigestWidth { context.peek { $0.width } }

  /// What the image of the conversation is shaped like; messages that do not fit are refused.
  func agree(on shape: ImageShape) {
    context.peek { $0.shape = shape }
  }

  // MARK: Sending

  func send(_ message: Message) {
    if case .pass(let start) = message { context.peek { $0.width = start.width } }
    outbox.put(message.encoded())
    // It is the last word: nobody may add another, from whatever thread.
    if case .failure = message { outbox.close() }
  }

  /// Sends what is not worth waiting for: not while the wire has not taken what came before.
  func sendIfIdle(_ message: Message) {
    if outbox.isEmpty { send(message) }
  }

  /// Queues page data; true when it had to wait, because the wire is slower than we are.
  func sendBulk(_ frame: [UInt8], of pages: [DataBatch.Entry] = []) -> Bool {
    outbox.put(Outbox.Parcel(frame: frame, pages: pages))
  }

  /// Slows the writing down, from the next frame on; nil is no limit.
  func limit(bytesPerSecond: UInt64?) {
    pace.limit(bytesPerSecond: bytesPerSecond)
  }

  /// Writes out what is queued and closes our half of the connection; once is enough.
  func stop() {
    outbox.close()
    hasStopped.wait { hasStopped -> Void? in
      if !hasStopped { writer.join() }
      hasStopped = true
      return ()
    }
  }

  // MARK: Receiving

  /// The next message, or nil when the other end has closed its half between two messages.
  func receive() throws(TransferError) -> Message? {
    while true {
      if let message = try nextMessage() {
        if try strands?.take(message) == true { continue }
        if try takeNote(message) { continue }
        return message
      }
      let count = try fill()
      if count == 0 {
        // An end before the first byte is no broken stream: nobody was there.
        if hasReceived { try finishParsing() }
        return nil
      }
      hasReceived = true
      counters.add(UInt64(count), to: .wireReceived)
    }
  }

  private func nextMessage() throws(TransferError) -> Message? {
    do throws(WireError) {
      guard let frame = try parser.next() else { return nil }
      let (width, shape) = context.peek { ($0.width, $0.shape) }
      let message = try Message(frame, width: width, shape: shape)
      hasGreeted = true
      if case .pass(let start) = message { context.peek { $0.width = start.width } }
      return message
    } catch {
      throw TransferError(error)
    }
  }

  private func finishParsing() throws(TransferError) {
    do throws(WireError) {
      try parser.finish()
    } catch {
      // After the greeting an end within a message is a cut line, not a stranger.
      throw hasGreeted && error.kind == .endOfStream ? .lost : TransferError(error)
    }
  }

  /// Reads what has come; 0 at the end.
  private func fill() throws(TransferError) -> Int {
    try waitForInput()
    let input = input
    return try unsafe parser.receive { (room) throws(TransferError) -> Int in
      while true {
        let count = unsafe read(input, room.baseAddress, room.count)
        if count >= 0 { return count }
        if errno != EINTR {
          throw .lineFailure(.wire, "read: \(describe(errno))")
        }
      }
    }
  }

  private func waitForInput() throws(TransferError) {
    guard let timeoutSeconds else { return }
    var waited = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    let milliseconds = Int32(clamping: min(timeoutSeconds, Int(Int32.max)) * 1000)
    while true {
      let count = unsafe poll(&waited, 1, milliseconds)
      if count > 0 { return }
      if count == 0 {
        let unit = timeoutSeconds == 1 ? "second" : "seconds"
        throw .lineFailure(
          .wire, "nothing has come for \(timeoutSeconds) \(unit)",
          hint: "run again to go on where it stopped; --timeout sets the patience")
      }
      if errno != EINTR {
        throw TransferError(.wire, "poll: \(describe(errno))", status: .remote)
      }
    }
  }
}

extension Connection {
  /// An image at the other end, with the name of its host where that is known: a server knows at
  /// most the address that sshd tells.
  func placed(_ name: String) -> String {
    let client = unsafe getenv("SSH_CONNECTION").map { unsafe String(cString: $0) }
    let host = otherEnd ?? client?.split(separator: " ").first.map(String.init)
    return host.map { "\($0):\(name)" } ?? name
  }
}
