// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Transfer

@testable import blkmove

/// `--json`: one object a line, and at the end exactly one result, whatever happens.
@Suite struct JSONReportTests {
  private let capture: Capture

  init() throws {
    capture = try Capture()
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var line: String
    var status: ExitStatus
    var operation: String?
    var failures: [String: TransferError] = [:]

    var testDescription: String { line }
  }

  private static let lost = TransferError(.remote, "h: lost", hint: "again", status: .remote)
  private static let full = TransferError(.target, "x: full", status: .failed)
  private static let refusal = TransferError(.target, "x: mounted", status: .refused)

  static let cases: [Case] = [
    Case(line: "--json a b", status: .done, operation: "copy"),
    Case(line: "--json -q a b", status: .done, operation: "copy"),
    Case(line: "--json -v --stats a b", status: .done, operation: "copy"),
    Case(line: "--json -n a b", status: .done, operation: "copy"),
    Case(line: "a b c h:d --json", status: .done, operation: "copy"),
    Case(line: "--json verify a b", status: .done, operation: "verify"),
    Case(line: "verify --json other.img b", status: .differ, operation: "verify"),
    Case(line: "digest --json a b", status: .done, operation: "digest"),
    Case(line: "--json a b", status: .failed, operation: "copy", failures: ["a": full]),
    Case(line: "--json a b h:d", status: .failed, operation: "copy", failures: ["a": full]),
    Case(line: "--json a b h:d", status: .remote, operation: "copy", failures: ["a": lost]),
    Case(line: "--json a b", status: .refused, operation: "copy", failures: ["a": refusal]),
    Case(line: "--json digest a", status: .remote, operation: "digest", failures: ["a": lost]),
    Case(line: "--json", status: .usage, operation: "copy"),
    Case(line: "--json h:a h:b", status: .usage, operation: "copy"),
    Case(line: "--json verify a", status: .usage, operation: "verify"),
    Case(line: "--frobnicate --json", status: .usage, operation: nil),
    Case(line: "--json --bwlimit=x a b", status: .usage, operation: nil),
    Case(line: "--json --progress=77 a b", status: .usage, operation: "copy"),
    Case(line: "--json --log-file=/no/such/log a b", status: .failed, operation: "copy"),
  ]

  @Test(arguments: cases)
  func endsInOneResult(test: Case) throws {
    let session = Session(
      console: capture.console, environment: [:], engine: .idle(failing: test.failures))
    #expect(session.run(test.line.split(separator: " ").map(String.init)) == test.status)
    let objects = try capture.objects()
    let types = objects.map { $0["type"] as? String }
    #expect(types.filter { $0 == "result" }.count == 1)
    #expect(types.last == "result")
    let known: Set<String?> = ["start", "note", "error", "result"]
    #expect(types.allSatisfy(known.contains))
    let result = try #require(objects.last)
    #expect(result["status"] as? Int == Int(test.status.rawValue))
    #expect(result["meaning"] as? String == test.status.meaning)
    #expect(result["operation"] as? String == test.operation)
    let errors = objects.filter { $0["type"] as? String == "error" }
    #expect(errors.isEmpty == [.done, .differ].contains(test.status))
    #expect((result["error"] is NSNull) == errors.isEmpty)
    if let error = errors.first {
      #expect(error["status"] as? Int == Int(test.status.rawValue))
      #expect(capture.errorText.contains(error["message"] as? String ?? "?"))
    }
  }

  @Test func figuresAreExact() throws {
    let session = Session(console: capture.console, environment: [:], engine: .idle())
    #expect(session.run(["--json", "--bwlimit=1M", "a", "b", "h:dir"]) == .done)
    let objects = try capture.objects()
    let start = try #require(objects.first)
    #expect(start["type"] as? String == "start")
    #expect(start["sources"] as? [String] == ["a", "b"])
    #expect(start["target"] as? String == "h:dir/")
    #expect(start["bandwidth_limit"] as? Int == 1 << 20)
    let result = try #require(objects.last)
    #expect(result["image_bytes"] as? Int == 16 << 30)
    #expect(result["wire_sent_bytes"] as? Int == 10_000)
    let images = try #require(result["images"] as? [[String: Any]])
    #expect(images.map { $0["source"] as? String } == ["a", "b"])
    #expect(images[0]["digest"] as? String == Engine.testDigest.hexadecimal)
    #expect(images[0]["sent_bytes"] as? Int == 4096)
    #expect(images[0]["is_verified"] as? Bool == false)
    let notes = objects.filter { $0["type"] as? String == "note" }
    #expect(notes.map { $0["host"] as? String } == [nil, "backup", "backup"])
  }

  @Test func aFailureKeepsTheFiguresSoFar() throws {
    let engine = Engine.idle(failing: ["a": Self.full])
    let session = Session(console: capture.console, environment: [:], engine: engine)
    #expect(session.run(["--json", "a", "b"]) == .failed)
    let result = try #require(try capture.objects().last)
    #expect(result["scanned_bytes"] as? Int == 1 << 30)
    let images = try #require(result["images"] as? [[String: Any]])
    #expect(images.first?["status"] as? Int == 1)
  }

  @Test func anInterruptionIsTheOneResult() throws {
    var arguments = Arguments()
    arguments.isJSON = true
    let reporter = Reporter(arguments, operation: .copy, console: capture.console)
    reporter.start([.local(path: "a")], .local(path: "b"))
    #expect(reporter.interrupt(nil))
    // Whatever the run still says is too late.
    #expect(!reporter.interrupt(nil))
    reporter.error(CommandError(Self.lost))
    reporter.announce(.note("late"))
    reporter.progress(ProgressMeter.Reading(), of: "a")
    reporter.answer("late")
    #expect(!reporter.finish(.remote))
    let types = try capture.objects().map { $0["type"] as? String }
    #expect(types == ["start", "error", "result"])
    #expect(try capture.objects().last?["status"] as? Int == 5)
    #expect(
      capture.errorText
        == "blkmove: interrupted; what has arrived is kept, run again to go on\n")
  }
}
