// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing
import Transfer

@testable import Live

@Suite struct HookTests {
  /// What was announced while a hook ran.
  final class Heard: Sendable {
    private let announcements = Mutex<[Announcement]>([])

    var lines: [String] {
      announcements.withLock { heard in
        heard.map { announcement in
          guard case .remoteLine(let host, let line) = announcement else { return "?" }
          return "\(host): \(line)"
        }
      }
    }

    var announce: Announce {
      { announcement in self.announcements.withLock { $0.append(announcement) } }
    }
  }

  @Test func itsOutputIsShown() throws {
    let heard = Heard()
    try Hook(.pause, "echo one; echo two >&2; printf three").run(announce: heard.announce)
    #expect(heard.lines == ["--pause-cmd: one", "--pause-cmd: two", "--pause-cmd: three"])
  }

  @Test func itKnowsWhichMoveThisIs() throws {
    let heard = Heard()
    let hook = Hook(
      .resume, "echo $BLKMOVE_HOOK \"$BLKMOVE_SOURCE\"; echo ${HOME:+home}",
      environment: ["BLKMOVE_SOURCE": "a b;$(c)", "BLKMOVE_HOOK": "x"])
    try hook.run(announce: heard.announce)
    #expect(heard.lines == ["--resume-cmd: resume a b;$(c)", "--resume-cmd: home"])
  }

  struct Case: Sendable {
    var command: String
    var sentence: String
  }

  @Test(arguments: [
    Case(command: "exit 3", sentence: "--pause-cmd 'exit 3': it ended with status 3"),
    Case(
      command: "echo no such disk; exit 1",
      sentence: "--pause-cmd 'echo no such disk; exit 1': it ended with status 1: no such disk"),
    Case(
      command: "kill -9 $$",
      sentence: "--pause-cmd 'kill -9 $$': it was ended by signal 9 (Killed)"),
    Case(command: "(", sentence: "--pause-cmd '(': it ended with status 2"),
  ])
  func aFailureIsTold(test: Case) {
    let error = #expect(throws: TransferError.self) {
      try Hook(.pause, test.command).run { _ in }
    }
    #expect(error?.sentence.hasPrefix(test.sentence) == true, "\(error?.sentence ?? "")")
    #expect(error?.status == .failed)
  }

  @Test(.timeLimit(.minutes(1)), arguments: ["sleep 30; :", "trap '' TERM; sleep 30; sleep 30"])
  func whatTakesTooLongIsKilledWithItsGroup(command: String) throws {
    let scratch = Scratch()
    let begin = Clock.now
    // A member of the group that its leader does not wait for.
    let text = "sleep 33 & echo $! > \(scratch.file("pid")); \(command)"
    let error = #expect(throws: TransferError.self) {
      try Hook(.pause, text, timeoutSeconds: 0.25).run { _ in }
    }
    #expect(
      error?.sentence
        == "--pause-cmd '\(text)': it took too long and was killed after 0.25 s")
    #expect(Clock.now - begin < 10)
    let member = try #require(
      Int32(
        String(contentsOfFile: scratch.file("pid"), encoding: .utf8)
          .trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(Processes.hasEnded(member))
  }

  @Test(.timeLimit(.minutes(1)))
  func theBackgroundIsNotWaitedFor() throws {
    let heard = Heard()
    let begin = Clock.now
    try Hook(.switch, "sleep 3 & echo done").run(announce: heard.announce)
    #expect(Clock.now - begin < 2)
    #expect(heard.lines == ["--switch-cmd: done"])
  }

  @Test(.timeLimit(.minutes(1)))
  func muchOutputIsTakenToTheEnd() throws {
    let heard = Heard()
    try Hook(.pause, "seq 100000").run(announce: heard.announce)
    #expect(heard.lines.count == 100000)
    #expect(heard.lines.last == "--pause-cmd: 100000")
    let long = Heard()
    try Hook(.pause, "printf '%10000d' 1").run(announce: long.announce)
    #expect(long.lines.count == 3)
  }

  @Test func itBeginsOnlyWhenItsGroupIsKnown() throws {
    let scratch = Scratch()
    let heard = Heard()
    var group: Int32 = 0
    try Hook(.pause, "touch \(scratch.file("done")); echo $$; read x || echo empty").run(
      announce: heard.announce
    ) { known in
      group = known
      usleep(100_000)
      #expect(!scratch.exists("done"))
    }
    #expect(heard.lines == ["--pause-cmd: \(group)", "--pause-cmd: empty"])
    #expect(scratch.exists("done"))
  }

  @Test func itDoesNotBeginWhenItsGroupIsRefused() {
    let scratch = Scratch()
    let refusal = TransferError(.source, "no guardian", status: .failed)
    #expect(throws: refusal) {
      try Hook(.pause, "touch \(scratch.file("done"))").run(announce: { _ in }) {
        (_) throws(TransferError) in throw refusal
      }
    }
    #expect(!scratch.exists("done"))
  }

  @Test func whatIsNotThereCannotStart() throws {
    let ending = try ChildCommand(["/nowhere/at all"], timeoutSeconds: 1).run { _ in }
    #expect(ending == .unknown("cannot start /nowhere/at all: No such file or directory"))
    #expect(ending.failure != nil)
  }
}
