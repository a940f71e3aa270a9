// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

@testable import Transfer

/// An other end that says what a test makes it say, true or not.
///
/// Used by one thread.
final class Peer {
  struct Silence: Error, CustomStringConvertible {
    var description: String
  }

  /// The end under test gave up while something else was expected of it.
  struct Refusal: Error {
    var failure: Failure
  }

  private let end: Line.End
  private var parser = FrameParser()
  private var isOpen = true
  var width = DigestWidth.short
  var shape: ImageShape?

  /// How long an answer may take.
  private static let patienceSeconds = 10.0

  init(_ end: Line.End, saysMagic: Bool = true) {
    self.end = end
    if saysMagic { say(WireLimits.magic) }
  }

  deinit {
    hangUp()
    close(end.input)
  }

  /// Says nothing more; what comes can still be read.
  func hangUp() {
    if isOpen { close(end.output) }
    isOpen = false
  }

  func say(_ bytes: [UInt8]) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(end.output, $0.baseAddress! + written, $0.count - written)
      }
      // Whoever has had enough of us may have left.
      if count <= 0 { return }
      written += count
    }
  }

  func say(_ message: Message) {
    if case .pass(let start) = message { width = start.width }
    say(message.encoded())
  }

  /// The next message; nil at the end.
  func hear() throws -> Message? {
    while true {
      if let frame = try parser.next() {
        let message = try Message(frame, width: width, shape: shape)
        if case .pass(let start) = message { width = start.width }
        return message
      }
      var waited = pollfd(fd: end.input, events: Int16(POLLIN), revents: 0)
      if poll(&waited, 1, Int32(Self.patienceSeconds * 1000)) == 0 {
        throw Silence(description: "the end under test says nothing")
      }
      let count = parser.receive { read(end.input, $0.baseAddress, $0.count) }
      if count <= 0 { return nil }
    }
  }

  /// The next message of a type; others are passed over.
  func hear(_ type: MessageType) throws -> Message {
    while let message = try hear() {
      if message.type == type { return message }
      if case .failure(let failure) = message {
        throw Refusal(failure: failure)
      }
    }
    throw Silence(description: "the end under test left before it said \(type)")
  }

  /// Plays a script, and hears why the end under test gave up, if it says so.
  func play(_ script: (Peer) throws -> Void) throws -> Failure? {
    do {
      try script(self)
    } catch let refusal as Refusal {
      return refusal.failure
    }
    return try? hearFailure()
  }

  /// Why the end under test gave up.
  func hearFailure() throws -> Failure {
    while let message = try hear() {
      if case .failure(let failure) = message { return failure }
    }
    throw Silence(description: "the end under test left without a word")
  }
}
