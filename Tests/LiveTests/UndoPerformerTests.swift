// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Qemu
import Testing
import Transfer

@testable import Live

@Suite(.timeLimit(.minutes(1))) struct UndoPerformerTests {
  private func command(_ name: String, _ text: String, seconds: Double = 5) -> UndoStep {
    UndoStep(
      name,
      .command(words: ["/bin/sh", "-c", text], environment: [:], timeoutSeconds: seconds))
  }

  private func perform(
    _ undo: inout Undo, pauses: [Double] = [0.05, 0.05], answerSeconds: Double = 1
  ) -> [String] {
    var said: [String] = []
    UndoPerformer(say: { said.append($0) }, pauseSeconds: pauses, answerSeconds: answerSeconds)
      .perform(&undo)
    return said
  }

  @Test func theLastIsUndoneFirst() {
    let scratch = Scratch()
    var undo = Undo()
    for name in ["a", "b", "c", "a"] {
      undo.put(command(name, "echo \(name) >> \(scratch.file("log"))"))
    }
    undo.put(command("d", "echo d >> \(scratch.file("log"))"))
    undo.remove("d")
    #expect(perform(&undo).isEmpty)
    #expect(undo.isEmpty)
    #expect(scratch.text("log") == "a\nc\nb")
  }

  @Test func whatFailsIsTriedAgainAndKeepsNobodyWaiting() {
    let scratch = Scratch()
    var undo = Undo()
    undo.put(command("early", "echo early >> \(scratch.file("log"))"))
    undo.put(
      command(
        "late",
        "echo late >> \(scratch.file("log")); [ $(wc -l < \(scratch.file("log"))) -gt 3 ]"))
    #expect(perform(&undo).isEmpty)
    #expect(undo.isEmpty)
    #expect(scratch.text("log") == "late\nearly\nlate\nlate")
  }

  @Test func whatFailsForGoodIsToldOnce() {
    var undo = Undo()
    undo.put(command("bad", "exit 4"))
    undo.put(command("slow", "sleep 20", seconds: 0.1))
    #expect(
      perform(&undo, pauses: [0.01]) == [
        "cannot undo 'slow': it took too long and was killed",
        "cannot undo 'bad': it ended with status 4",
      ])
    #expect(undo.steps.map(\.name) == ["bad", "slow"])
  }

  @Test func whatIsThereIsRemoved() throws {
    let scratch = Scratch()
    try FileManager.default.createDirectory(
      atPath: scratch.file("directory"), withIntermediateDirectories: false)
    try Data().write(to: URL(fileURLWithPath: scratch.file("file")))
    symlink("/etc", scratch.file("link"))
    var undo = Undo()
    for name in ["directory", "file", "link", "none"] {
      undo.put(UndoStep(name, .remove(path: scratch.file(name))))
    }
    #expect(perform(&undo).isEmpty)
    #expect(undo.isEmpty)
    #expect(["directory", "file", "link"].allSatisfy { !scratch.exists($0) })
    try FileManager.default.createDirectory(
      atPath: scratch.file("full/inside"), withIntermediateDirectories: true)
    undo.put(UndoStep("full", .remove(path: scratch.file("full"))))
    #expect(
      perform(&undo, pauses: []) == [
        "cannot undo 'full': \(scratch.file("full")): Directory not empty"
      ])
  }

  // MARK: Machines

  static let node = "null-co,node-name=d0,size=1048576"

  static func bitmap(_ name: String) -> KeyValuePairs<String, JSON> {
    ["node": .string("d0"), "name": .string(name)]
  }

  @Test(.needsQemu) func aMachineRunsAgain() throws {
    let machine = try IdleMachine()
    #expect(machine.status == "running")
    for _ in 0..<2 {
      try machine.ask(QmpCommand("stop"))
      #expect(machine.status == "paused")
      var undo = Undo()
      undo.put(UndoStep("pause", .resume(machine.address)))
      #expect(perform(&undo).isEmpty)
      #expect(machine.status == "running")
    }
  }

  @Test(.needsQemu) func whatWasNotPausedByUsIsLeftAlone() throws {
    let machine = try IdleMachine("-S")
    #expect(machine.status == "prelaunch")
    var undo = Undo()
    undo.put(UndoStep("pause", .resume(machine.address)))
    #expect(perform(&undo).isEmpty)
    #expect(undo.isEmpty)
    #expect(machine.status == "prelaunch")
  }

  @Test(.needsQemu) func bitmapsGoAndMayBeGone() throws {
    let machine = try IdleMachine("-blockdev", Self.node)
    try machine.ask(QmpCommand("block-dirty-bitmap-add", Self.bitmap("b1")))
    var undo = Undo()
    let commands =
      ["b0", "b1", "b2"].map { QmpCommand("block-dirty-bitmap-remove", Self.bitmap($0)) } + [
        QmpCommand("nbd-server-stop"),
        QmpCommand("block-export-del", ["id": .string("e1")]),
        QmpCommand("blockdev-del", ["node-name": .string("gone")]),
        QmpCommand("migrate_cancel"),
      ]
    undo.put(UndoStep("bitmaps", .qmp(machine.address, commands.map { QmpUndo($0) })))
    for _ in 0..<2 {
      var copy = undo
      #expect(perform(&copy).isEmpty)
      #expect(copy.isEmpty)
    }
    #expect(
      machine.refusal(of: QmpCommand("block-dirty-bitmap-remove", Self.bitmap("b1")))?
        .contains("Dirty bitmap 'b1' not found") == true)
  }

  @Test(.needsQemu) func anErrorIsToldAndTheRestIsDone() throws {
    let machine = try IdleMachine()
    try machine.ask(QmpCommand("stop"))
    var undo = Undo()
    undo.put(
      UndoStep(
        "things",
        .qmp(
          machine.address,
          [QmpUndo(QmpCommand("no-such-thing")), QmpUndo(QmpCommand("cont"))])))
    #expect(
      perform(&undo, pauses: []) == [
        "cannot undo 'things': \(machine.socket): no-such-thing: "
          + "The command no-such-thing has not been found"
      ])
    #expect(machine.status == "running")
  }

  /// The socket serves one client: the next is greeted when the one before has gone.
  @Test(.needsQemu) func theSocketIsWaitedFor() throws {
    let machine = try IdleMachine()
    let other = try QmpSocket(path: machine.socket)
    _ = try other.execute(QmpCommand("stop"), seconds: 5)
    var undo = Undo()
    undo.put(UndoStep("pause", .resume(machine.address)))
    let said = perform(&undo, pauses: [], answerSeconds: 0.2)
    #expect(said == ["cannot undo 'pause': \(machine.socket): it does not greet"])
    other.close()
    #expect(perform(&undo).isEmpty)
    #expect(machine.status == "running")
  }

  @Test(.needsQemu) func aMachineThatIsGoneIsTold() throws {
    let machine = try IdleMachine()
    machine.quit()
    var undo = Undo()
    undo.put(UndoStep("pause", .resume(machine.address)))
    #expect(
      perform(&undo) == [
        "cannot undo 'pause': \(machine.socket): connect: Connection refused"
      ])
  }
}
