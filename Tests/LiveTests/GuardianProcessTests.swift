// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing
import Transfer

@testable import Live

@Suite(.timeLimit(.minutes(1))) struct GuardianProcessTests {
  let scratch = Scratch()

  private func step(_ name: String) -> UndoStep {
    UndoStep(
      name,
      .command(
        words: ["/bin/sh", "-c", "echo \(name) >> \(scratch.file("log"))"], environment: [:],
        timeoutSeconds: 10))
  }

  init() {
    // As the program does: what cannot be written to is an error.
    signal(SIGPIPE, SIG_IGN)
  }

  private func start() throws -> GuardianProcess {
    try GuardianProcess.start(program: GuardedRun.program)
  }

  @Test func aRunThatEndsWellUndoesNothing() throws {
    let guardian = try start()
    try guardian.put(step("one"))
    #expect(guardian.undo.steps.map(\.name) == ["one"])
    try guardian.beat(budgetSeconds: 5)
    try guardian.rest()
    try guardian.remove("one")
    guardian.finish()
    guardian.finish()
    #expect(!scratch.exists("log"))
  }

  @Test func aRunThatFailsUndoesAllOfIt() throws {
    let guardian = try start()
    for name in ["one", "two"] { try guardian.put(step(name)) }
    #expect(guardian.undoAll { _ in })
    #expect(guardian.undo.isEmpty)
    guardian.finish()
    #expect(scratch.text("log") == "two\none")
  }

  @Test func whatIsForgottenTheGuardianDoes() throws {
    var guardian: GuardianProcess? = try start()
    try guardian?.put(step("one"))
    guardian = nil
    #expect(scratch.text("log") == "one")
  }

  @Test func aRunWithoutAGuardianIsTold() throws {
    let guardian = try start()
    try guardian.put(step("one"))
    kill(guardian.process, SIGKILL)
    #expect(throws: TransferError.self) {
      for _ in 0..<200 { try guardian.put(step("two")) }
    }
    // It is still ours to undo.
    #expect(guardian.undoAll { _ in })
    #expect(scratch.text("log") == "two\none")
    guardian.finish()
  }

  @Test func thereIsNoGuardianWithoutItsProgram() {
    #expect(throws: TransferError.self) {
      try GuardianProcess.start(program: "/nowhere/blkmove")
    }
    // One that ends at once is none either.
    #expect(throws: TransferError.self) { try GuardianProcess.start(program: "/bin/true") }
  }

  @Test func aHookIsRunUnderItsEyes() throws {
    let guardian = try start()
    try guardian.run(Hook(.pause, "echo ran > \(scratch.file("hook"))")) { _ in }
    #expect(scratch.text("hook") == "ran")
    kill(guardian.process, SIGKILL)
    #expect(throws: TransferError.self) {
      for _ in 0..<200 {
        try guardian.run(Hook(.pause, "echo again > \(scratch.file("hook"))")) { _ in }
      }
    }
    guardian.finish()
  }
}
