// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

@testable import Storage

/// A server in a thread that speaks NBD as far as its script goes, and then lies, stops or hangs
/// up. It serves one connection after the other.
final class FakeNbdServer: Sendable {
  /// What it does with a request, once the handshake is over.
  enum Answer: Sendable {
    case zeros, error(UInt32), hangUp, silence
    /// These bytes, whatever they mean; then it goes on, or hangs up.
    case bytes([UInt8], goesOn: Bool)
    /// A reply with the request's own cookie before the payload, and then it hangs up.
    case part([UInt8])
    /// To a question about blocks: pairs of a length and flags.
    case status([UInt32])
  }

  struct Request: Sendable {
    var flags: UInt16
    var type: UInt16
    var cookie: [UInt8]
    var offset: UInt64
    var byteCount: UInt32
  }

  static let read: UInt16 = 0
  static let write: UInt16 = 1
  static let flush: UInt16 = 3
  static let zero: UInt16 = 6
  static let blockStatus: UInt16 = 7

  let address: NbdAddress
  private let listener: Int32
  private let connection = Mutex<Int32>(-1)
  private let isOver = Mutex(false)

  /// `greeting` in place of the whole handshake.
  init(
    _ scratch: Scratch, byteCount: UInt64 = 1 << 20, flags: UInt16 = 0x45,
    greeting: [UInt8]? = nil, _ answer: @escaping @Sendable (Request) -> Answer = { _ in .zeros }
  ) throws {
    let path = scratch.file("\(UInt32.random(in: 0 ... .max)).sock")
    address = try NbdAddress(unixSocket: path)
    listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var place = sockaddr_un()
    place.sun_family = UInt16(AF_UNIX)
    withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(bound == 0 && listen(listener, 8) == 0, "no socket")
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        if client < 0 || isOver.withLock({ $0 }) { break }
        connection.withLock { $0 = client }
        serve(client, byteCount, flags, greeting, answer)
        close(client)
      }
      close(listener)
    }
  }

  /// To be called at the end of a test: the thread holds this object.
  func stop() {
    isOver.withLock { $0 = true }
    connection.withLock { if $0 >= 0 { _ = shutdown($0, Int32(SHUT_RDWR)) } }
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func serve(
    _ client: Int32, _ byteCount: UInt64, _ flags: UInt16, _ greeting: [UInt8]?,
    _ answer: (Request) -> Answer
  ) {
    if let greeting {
      send(client, greeting)
      if greeting.isEmpty { _ = receive(client, 1) }
      return
    }
    guard shakeHands(client, byteCount, flags) else { return }
    while let head = receive(client, 28) {
      let request = Request(
        flags: UInt16(Self.number(head[4..<6])), type: UInt16(Self.number(head[6..<8])),
        cookie: Array(head[8..<16]),
        offset: Self.number(head[16..<24]), byteCount: UInt32(Self.number(head[24..<28])))
      if request.type == 2 { return }
      if request.type == Self.write { _ = receive(client, Int(request.byteCount)) }
      guard reply(client, request, answer(request)) else { return }
    }
  }

  /// Fixed newstyle with structured replies and base:allocation.
  private func shakeHands(_ client: Int32, _ byteCount: UInt64, _ flags: UInt16) -> Bool {
    send(client, Array("NBDMAGICIHAVEOPT".utf8) + Self.bytes(3, 2))
    guard receive(client, 4) != nil else { return false }
    while let head = receive(client, 16) {
      let option = Self.number(head[8..<12])
      _ = receive(client, Int(Self.number(head[12..<16])))
      func tell(_ type: UInt64, _ content: [UInt8] = []) {
        send(
          client,
          Self.bytes(0x3_E889_0455_65A9, 8) + Self.bytes(option, 4) + Self.bytes(type, 4)
            + Self.bytes(UInt64(content.count), 4) + content)
      }
      switch option {
      case 7:
        tell(3, Self.bytes(0, 2) + Self.bytes(byteCount, 8) + Self.bytes(UInt64(flags), 2))
        tell(1)
        return true
      case 8: tell(1)
      case 10:
        tell(4, Self.bytes(1, 4) + Array("base:allocation".utf8))
        tell(1)
      default: tell(0x8000_0001)
      }
    }
    return false
  }

  /// False at the end of the connection.
  private func reply(_ client: Int32, _ request: Request, _ answer: Answer) -> Bool {
    func chunk(_ type: UInt64, _ content: [UInt8]) -> [UInt8] {
      Self.bytes(0x668E_33EF, 4) + Self.bytes(1, 2) + Self.bytes(type, 2) + request.cookie
        + Self.bytes(UInt64(content.count), 4) + content
    }
    let place = Self.bytes(request.offset, 8)
    switch answer {
    case .hangUp: return false
    case .silence:
      _ = receive(client, 1 << 30)
      return false
    case .bytes(let bytes, let goesOn):
      send(client, bytes)
      return goesOn
    case .part(let content):
      send(
        client,
        Self.bytes(0x668E_33EF, 4) + Self.bytes(1, 2) + Self.bytes(1, 2) + request.cookie
          + Self.bytes(UInt64(request.byteCount) + 8, 4) + place + content)
      return false
    case .error(let number):
      send(client, chunk(0x8001, Self.bytes(UInt64(number), 4) + Self.bytes(0, 2)))
    case .status(let entries):
      send(client, chunk(5, Self.bytes(1, 4) + entries.flatMap { Self.bytes(UInt64($0), 4) }))
    case .zeros where request.type == Self.read:
      send(client, chunk(1, place + [UInt8](repeating: 0, count: Int(request.byteCount))))
    case .zeros where request.type == Self.blockStatus:
      send(
        client,
        chunk(
          5,
          Self.bytes(1, 4) + Self.bytes(UInt64(request.byteCount), 4)
            + Self.bytes(3, 4)))
    case .zeros:
      send(client, chunk(0, []))
    }
    return true
  }

  private func send(_ client: Int32, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      rest = rest.dropFirst(count)
    }
  }

  private func receive(_ client: Int32, _ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      var piece = [UInt8](repeating: 0, count: min(count - bytes.count, 1 << 16))
      let got = recv(client, &piece, piece.count, 0)
      if got <= 0 { return nil }
      bytes += piece.prefix(got)
    }
    return bytes
  }

  static func bytes(_ number: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * (count - 1 - $0))) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
