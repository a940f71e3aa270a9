// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Transfer

@testable import blkmove

@Suite struct LogFileTests {
  private let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("blkmove-log-\(UUID().uuidString)").path

  private func lines() throws -> [String] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  @Test func everyLineHasItsTime() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let capture = try Capture()
    let failure = TransferError(.target, "x: bad\nname", hint: "look", status: .failed)
    let failing = Session(
      console: capture.console, environment: [:], engine: .idle(failing: ["a": failure]))
    #expect(failing.run(["-q", "--log-file", path, "a", "h:x"]) == .failed)
    let session = Session(console: capture.console, environment: [:], engine: .idle())
    #expect(session.run(["--json", "--bwlimit=1M", "--log-file=\(path)", "a", "h:x"]) == .done)
    let stamp = #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[\d+\] (.*)/#
    let texts = try lines().map { line in
      String(try #require(line.wholeMatch(of: stamp), "\(line)").output.1)
    }
    #expect(
      texts.prefix(4) == [
        "copy: a -> h:x", "target x: bad\\nname", "hint: look", "exit status 1: failed",
      ])
    #expect(texts.contains("bandwidth limit: 1.00 MiB/s (1,048,576 bytes a second)"))
    #expect(texts.contains("blkmove: note: the target is larger"))
    #expect(texts.contains { $0.hasPrefix("total size is 8,589,934,592") })
    #expect(texts.last == "exit status 0: done and confirmed")
  }

  @Test func aLogThatCannotBeOpenedIsAnError() throws {
    let capture = try Capture()
    let session = Session(console: capture.console, environment: [:], engine: .idle())
    #expect(session.run(["--log-file=/no/such/log", "a", "b"]) == .failed)
    #expect(
      capture.errorText == "blkmove: log file /no/such/log: open: No such file or directory\n")
  }

  @Test func aLogThatCannotBeWrittenIsSaidOnce() throws {
    let capture = try Capture()
    let session = Session(console: capture.console, environment: [:], engine: .idle())
    #expect(session.run(["-q", "--log-file=/dev/full", "a", "b"]) == .done)
    let note = "blkmove: note: log file /dev/full: write: No space left on device"
    #expect(capture.errorText.split(separator: "\n").filter { $0 == note }.count == 1)
  }
}
