// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Qemu

struct RunTokenTests {
  @Test func namesSayWhoGaveThem() {
    let token = RunToken()
    let name = token.name("s255")
    #expect(RunToken(in: name) == token)
    #expect(RunToken(in: token.name("throttle-a-b-c")) == token)
    #expect(token.isAlive)
    #expect(token.processNumber == getpid())
    #expect(name.utf8.count <= RunToken.maximumNodeNameLength)
    #expect(RunToken() != token)
  }

  @Test func theDeadAreKnown() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sleep")
    process.arguments = ["100"]
    try process.run()
    let token = RunToken(process: process.processIdentifier)
    #expect(token.isAlive)
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(!token.isAlive)
    // The number of somebody else who lives.
    #expect(RunToken(in: "blkmove-1-0-0-x")?.isAlive == false)
  }

  @Test(arguments: ["", "blkmove-", "blkmove-1-2-3", "blkmove--1-2-x", "d0", "blkmove-0-0-0-x"])
  func otherNamesAreNotOurs(_ name: String) {
    #expect(RunToken(in: name) == nil)
  }

  @Test func theLongestNodeNameFits() {
    let name =
      "blkmove-\(String(4_194_304, radix: 36))-\(String(UInt64(1) << 36, radix: 36))-"
      + "\(String(UInt16.max, radix: 36))-s255"
    #expect(name.utf8.count <= RunToken.maximumNodeNameLength)
  }
}
