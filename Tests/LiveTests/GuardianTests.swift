// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Qemu
import Testing
import Transfer

@testable import Live

@Suite(.timeLimit(.minutes(1))) struct GuardianTests {
  let scratch = Scratch()

  private func touch(_ name: String, after text: String = ":") -> GuardianMessage {
    .put(
      UndoStep(
        name,
        .command(
          words: ["/bin/sh", "-c", "\(text); touch \(scratch.file(name))"], environment: [:],
          timeoutSeconds: 10)))
  }

  private func exists(_ name: String) -> Bool {
    Processes.eventually(withinSeconds: 5) { scratch.exists(name) }
  }

  @Test(arguments: [SIGKILL, SIGTERM, SIGSEGV])
  func itUndoesWhenTheRunDies(signal: Int32) throws {
    let run = try GuardedRun([touch("one"), touch("two"), touch("three"), .remove("two")])
    run.signal(signal)
    #expect(exists("one"))
    #expect(Processes.hasEnded(run.guardian))
    #expect(scratch.exists("three"))
    #expect(!scratch.exists("two"))
    #expect(run.said.contains("guardian: undone: one"))
  }

  @Test func itUndoesNothingWhenAllIsWell() throws {
    let run = try GuardedRun([touch("one"), .budget(milliseconds: 50), .disarm])
    usleep(200_000)
    #expect(run.isRunning)
    run.signal(SIGKILL)
    #expect(Processes.hasEnded(run.guardian))
    #expect(!scratch.exists("one"))
    #expect(run.said == "")
  }

  @Test(arguments: [0, SIGSTOP])
  func itEndsARunThatIsSilent(signal: Int32) throws {
    let run = try GuardedRun([touch("one"), .budget(milliseconds: 300)])
    if signal != 0 { run.signal(signal) }
    #expect(exists("one"))
    #expect(!run.isRunning)
    #expect(run.said.contains("nothing was heard of the move for 300 ms; ending it"))
  }

  @Test func aLimitCanBeTakenBack() throws {
    let run = try GuardedRun([
      touch("one"), .budget(milliseconds: 1), .budget(milliseconds: 0),
    ])
    usleep(300_000)
    #expect(run.isRunning)
    #expect(!scratch.exists("one"))
  }

  @Test func whatPeopleAndTerminalsSendIsIgnored() throws {
    let run = try GuardedRun([touch("one")])
    usleep(100_000)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { kill(run.guardian, signal) }
    usleep(100_000)
    #expect(!scratch.exists("one"))
    run.signal(SIGKILL)
    #expect(exists("one"))
  }

  @Test func theEndOfThePipeIsEnough() throws {
    let run = try GuardedRun([touch("one")], closes: true)
    #expect(exists("one"))
    #expect(run.isRunning)
  }

  /// A freeze that comes after its own undoing would stay.
  @Test func aCommandThatStillRunsIsEndedFirst() throws {
    let pause = Process()
    pause.executableURL = URL(fileURLWithPath: "/bin/sh")
    pause.arguments = ["-c", "sleep 3; touch \(scratch.file("frozen"))"]
    try pause.run()
    let process = pause.processIdentifier
    try #require(getpgid(process) == process)
    let check = "kill -0 \(process) 2>/dev/null && touch \(scratch.file("alive"))"
    let run = try GuardedRun([touch("one", after: check), .begin(process: process)])
    run.signal(SIGKILL)
    #expect(exists("one"))
    pause.waitUntilExit()
    #expect(pause.terminationReason == .uncaughtSignal)
    #expect(!scratch.exists("frozen"))
  }

  @Test func aCommandThatHasEndedIsNotTouched() throws {
    let other = Process()
    other.executableURL = URL(fileURLWithPath: "/bin/sleep")
    other.arguments = ["30"]
    try other.run()
    let process = other.processIdentifier
    try #require(getpgid(process) == process)
    let run = try GuardedRun([touch("one"), .begin(process: process), .end(process: process)])
    run.signal(SIGKILL)
    #expect(exists("one"))
    #expect(other.isRunning)
    kill(process, SIGKILL)
    other.waitUntilExit()
  }

  // MARK: Machines

  /// The run is dead or stopped while it holds the machine's one socket, and the machine is
  /// paused: within two seconds it runs, and nothing is left in it.
  @Test(.needsQemu, arguments: [SIGKILL, SIGSTOP])
  func aPausedMachineRunsAgainAtOnce(signal: Int32) throws {
    let machine = try IdleMachine("-blockdev", "null-co,node-name=d0,size=1048576")
    let address = machine.address
    let remove = QmpCommand(
      "block-dirty-bitmap-remove", ["node": .string("d0"), "name": .string("b0")])
    let run = try GuardedRun(
      [
        .put(UndoStep("bitmap", .qmp(address, [QmpUndo(remove)]))),
        .put(UndoStep("pause", .resume(address))),
        .budget(milliseconds: 500),
        touch("paused"),
      ],
      socket: machine.socket,
      commands: [
        #"{"execute":"block-dirty-bitmap-add","arguments":{"node":"d0","name":"b0"}}"#,
        #"{"execute":"stop"}"#,
      ])
    let begin = Clock.now
    run.signal(signal)
    // Not by asking the machine, which serves one client at a time.
    #expect(Processes.eventually(withinSeconds: 10) { run.said.contains("undone: pause") })
    // A run that is silent has half a second.
    #expect(Clock.now - begin < 2.5)
    #expect(machine.status == "running")
    #expect(Processes.hasEnded(run.guardian))
    #expect(machine.refusal(of: remove)?.contains("Dirty bitmap 'b0' not found") == true)
    #expect(run.said.contains("undone: pause"))
  }
}
