// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

@testable import Live

/// A process that is not the test's: it starts a guardian, tells it some messages, and then does
/// nothing, so that it can be killed. It may hold a machine's socket, as a run does.
final class GuardedRun {
  /// The built program stands beside the tests.
  static let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("blkmove").path

  private static let script = """
    import json, os, signal, socket, subprocess, sys, time
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    program, messages, ready, path, commands, closes, answers = sys.argv[1:8]
    if path:
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        f = s.makefile("rwb", buffering=0)
        f.readline()
        for line in ['{"execute":"qmp_capabilities"}'] + commands.splitlines():
            f.write(line.encode() + b"\\n")
            while True:
                answer = json.loads(f.readline())
                if "error" in answer:
                    sys.exit(answer["error"]["desc"])
                if "return" in answer:
                    break
    p = subprocess.Popen(
        [program, "--guardian", str(os.getpid())], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=open(ready + ".said", "w"))
    p.stdin.write(open(messages, "rb").read())
    p.stdin.flush()
    p.stdout.read(int(answers))
    with open(ready + ".new", "w") as f:
        f.write("%d" % p.pid)
    os.rename(ready + ".new", ready)
    if closes == "closes":
        p.stdin.close()
    time.sleep(60)
    """

  private let process = Process()
  private let scratch = Scratch()
  let guardian: Int32

  /// - Parameters:
  ///   - socket: a machine's socket that the run holds, and the commands it has given there.
  init(
    _ messages: [GuardianMessage], socket: String = "", commands: [String] = [],
    closes: Bool = false
  ) throws {
    let bytes = messages.flatMap { $0.encoded! }
    try Data(bytes).write(to: URL(fileURLWithPath: scratch.file("messages")))
    process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    process.arguments = [
      "-c", Self.script, Self.program, scratch.file("messages"), scratch.file("ready"), socket,
      commands.joined(separator: "\n"), closes ? "closes" : "",
      // One when it begins, and one for each message that it answers.
      "\(1 + messages.count(where: \.isAnswered))",
    ]
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let process = process
    let scratch = scratch
    _ = Processes.eventually(withinSeconds: 20) {
      scratch.exists("ready") || !process.isRunning
    }
    guard let text = scratch.text("ready"), let number = Int32(text) else {
      process.terminate()
      throw NotReady()
    }
    guardian = number
  }

  struct NotReady: Error {}

  deinit {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    // One that cannot undo what it was told would go on to try for an hour.
    let words = try? String(contentsOfFile: "/proc/\(guardian)/cmdline", encoding: .utf8)
    if words?.contains("--guardian") == true { kill(guardian, SIGKILL) }
  }

  func signal(_ signal: Int32) { kill(process.processIdentifier, signal) }

  var isRunning: Bool { process.isRunning }

  /// What the guardian has said.
  var said: String { scratch.text("ready.said") ?? "" }
}
