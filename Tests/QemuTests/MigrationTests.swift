// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Qemu

@Suite(.enabled(if: TestMachine.isHere, TestMachine.isMissing), .timeLimit(.minutes(2)))
struct MigrationTests {
  /// A machine that runs, and one that waits for it.
  private struct Pair {
    let here = try! TestMachine()
    let there = try! TestMachine(words: ["-incoming", "defer"])
    let migration: Migration

    init() throws {
      try here.machine.resume()
      migration = try Migration(of: here.machine)
    }

    func begin() throws {
      let path = there.scratch("memory")
      try there.machine.awaitMemory(at: path)
      let socket = try connected(to: path)
      try migration.begin(over: socket, bytesPerSecond: 0)
      close(socket)
    }

    private func connected(to path: String) throws -> Int32 {
      let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
      let byteCount = socklen_t(MemoryLayout<sockaddr_un>.size)
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, byteCount) }
      }
      try #require(result == 0)
      return socket
    }

    func wait(for state: Migration.State) throws {
      #expect(try TestMachine.wait { try migration.state() == state })
    }

    var capabilities: Set<String> {
      get throws {
        let all = try here.machine.channel.execute("query-migrate-capabilities").array ?? []
        return Set(
          all.filter { $0["state"]?.boolean == true }.compactMap { $0["capability"]?.string })
      }
    }
  }

  @Test func itWaitsForTheDisksAndGoesOver() throws {
    let pair = try Pair()
    #expect(try pair.migration.state() == .none)
    try pair.begin()
    try pair.migration.allowPause()
    try pair.wait(for: .waiting)
    #expect(try !pair.here.machine.runState().isRunning)
    #expect(try pair.there.machine.runState().name == "inmigrate")
    try pair.migration.goOn()
    try pair.wait(for: .completed)
    #expect(try pair.here.machine.runState().name == "postmigrate")
    try pair.migration.restore()
    #expect(try pair.capabilities == [])
    // It was started with -S, and is let go by whoever moved it.
    try pair.there.machine.resume()
    #expect(try pair.there.machine.runState().isRunning)
  }

  @Test func whatIsCancelledGoesOnHere() throws {
    let pair = try Pair()
    try pair.begin()
    try pair.migration.allowPause()
    try pair.wait(for: .waiting)
    try pair.migration.cancel(seconds: 10)
    #expect(try TestMachine.wait { try pair.here.machine.runState().isRunning })
    try pair.migration.restore()
    #expect(try pair.capabilities == [])
  }

  /// What a guardian does, who has only the lines, and tries again what is refused.
  @Test(arguments: [false, true])
  func theListUndoesIt(hasBegun: Bool) throws {
    let pair = try Pair()
    let undo = pair.migration.undo
    if hasBegun {
      try pair.begin()
      try pair.migration.allowPause()
      try pair.wait(for: .waiting)
    }
    for command in undo {
      _ = try TestMachine.wait { (try? pair.here.machine.channel.execute(command)) != nil }
    }
    #expect(try pair.capabilities == [])
    #expect(try TestMachine.wait { try pair.here.machine.runState().isRunning })
  }

  @Test func anEndThatGoesAwayIsAFailureHere() throws {
    let pair = try Pair()
    try pair.begin()
    try pair.migration.allowPause()
    try pair.wait(for: .waiting)
    kill(pair.there.identifier, SIGKILL)
    try pair.migration.goOn()
    _ = try TestMachine.wait {
      if case .failed = try pair.migration.state() { true } else { false }
    }
    #expect(try TestMachine.wait { try pair.here.machine.runState().isRunning })
  }

  @Test func whoeverDoesNotWaitIsNotSentAnything() throws {
    let test = try TestMachine()
    let error = #expect(throws: QmpError.self) {
      try test.machine.awaitMemory(at: test.scratch("memory"))
    }
    #expect(error?.kind == .unsuitable)
  }
}
