// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Qemu

@Suite(.timeLimit(.minutes(1))) struct QmpSocketTests {
  private let scratch = Scratch()

  private func error(_ body: () throws -> Void) -> QmpError? {
    do {
      try body()
      return nil
    } catch { return error as? QmpError }
  }

  private func talk(
    seconds: Double = 5, _ script: @escaping @Sendable (FakeMonitor.Client) -> Void
  ) throws -> (FakeMonitor, QmpSocket) {
    let monitor = FakeMonitor(at: scratch("qmp"), script)
    return (monitor, try QmpSocket(path: monitor.path, seconds: seconds))
  }

  @Test func aCommandGetsItsAnswer() throws {
    let (monitor, socket) = try talk { client in
      client.greet()
      let line = client.hear()
      client.say("{\"event\": \"STOP\", \"data\": {}}\r\n")
      client.say("{\"return\": {\"said\": \(JSON.string(line).encoded)}, \"id\": 2}\r\n")
      _ = client.hear()
    }
    let answer = try socket.execute("stop", ["a": .integer(1)])
    #expect(answer["said"]?.string == #"{"execute":"stop","arguments":{"a":1},"id":2}"#)
    #expect(socket.takeEvents() == [QmpEvent(name: "STOP", data: .object([]))])
    #expect(socket.takeEvents() == [])
    _ = monitor
  }

  @Test func aRefusalNamesTheCommandAndTheReason() throws {
    let (monitor, socket) = try talk { client in
      client.greet()
      _ = client.hear()
      client.say(
        "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no\\u001b[1m\"}, \"id\": 2}\n")
      _ = client.hear()
    }
    let error = error { try socket.execute("eject") }
    #expect(error?.kind == .refused(class: "DeviceNotFound"))
    #expect(error?.description == "\(monitor.path): eject: no?[1m")
  }

  @Test func aLateAnswerIsNotTakenForTheNext() throws {
    let (monitor, socket) = try talk { client in
      client.greet()
      _ = client.hear()
      usleep(300_000)
      client.say("{\"return\": {\"number\": 1}, \"id\": 2}\r\n")
      _ = client.hear()
      client.say("{\"return\": {\"number\": 2}, \"id\": 3}\r\n")
      _ = client.hear()
    }
    let late = error { _ = try socket.execute(QmpCommand("first"), seconds: 0.1) }
    #expect(late?.kind == .late)
    #expect(try socket.execute("second")["number"]?.integer == 2)
    _ = monitor
  }

  struct Lie: Sendable, CustomTestStringConvertible {
    var words: String
    var kind: QmpError.Kind
    var testDescription: String { words }

    init(_ words: String, _ kind: QmpError.Kind = .malformed) {
      self.words = words
      self.kind = kind
    }
  }

  @Test(arguments: [
    Lie("nonsense\n"), Lie("{}\n"), Lie("[]\n"), Lie("\n"), Lie("{\"return\": {}, \"id\": 9}\n"),
    Lie("{\"return\": {}}\n"), Lie("{\"QMP\": {}}\n"), Lie("{\"return\": ", .lost), Lie("", .lost),
    Lie(String(repeating: "[", count: 1000) + "\n"),
  ])
  func liesEndTheConversation(_ lie: Lie) throws {
    let (monitor, socket) = try talk { client in
      client.greet()
      _ = client.hear()
      client.say(lie.words)
    }
    #expect(error { try socket.execute("stop") }?.kind == lie.kind)
    // Nothing is asked on such a line again.
    #expect(error { try socket.execute("cont") }?.kind == lie.kind)
    _ = monitor
  }

  @Test func anEndlessMessageIsNotKept() throws {
    let (monitor, socket) = try talk { client in
      client.greet()
      _ = client.hear()
      let part = String(repeating: " ", count: 1 << 20)
      for _ in 0..<18 { client.say(part) }
    }
    #expect(error { try socket.execute("stop") }?.kind == .malformed)
    _ = monitor
  }

  @Test func eventsAreForgottenAtTheLimit() throws {
    let count = QmpSocket.maximumEventCount + 1
    let (monitor, socket) = try talk { client in
      client.greet()
      _ = client.hear()
      for number in 0..<count { client.say("{\"event\": \"E\(number)\"}\n") }
      client.say("{\"return\": {}, \"id\": 2}\n")
      _ = client.hear()
    }
    try socket.execute("x")
    let events = socket.takeEvents()
    #expect(events.count == QmpSocket.maximumEventCount)
    #expect(events.first?.name == "E1")
    _ = monitor
  }

  @Test func whoDoesNotGreetIsNotWaitedForForEver() {
    let monitor = FakeMonitor(at: scratch("qmp")) { _ in sleep(2) }
    let error = error { _ = try QmpSocket(path: monitor.path, seconds: 0.2) }
    #expect(error?.kind == .late)
    #expect(error?.hint?.contains("one client") == true)
  }

  @Test func whoIsNotThereIsSaid() {
    let path = scratch("nobody")
    let error = error { _ = try QmpSocket(path: path) }
    #expect(error?.kind == .lost)
    #expect(error?.description == "\(path): connect: No such file or directory")
    let long = scratch(String(repeating: "x", count: 120))
    #expect(self.error { _ = try QmpSocket(path: long) }?.kind == .lost)
  }
}
