// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Wire

/// docs/protocol.md promises that another end can be written from it: its tables must say what
/// the code does.
@Suite struct ProtocolDocumentTests {
  private static let rows: [[String]] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/protocol.md")
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
      line.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }()

  /// The second cell of the one row that begins with this cell, as a number.
  private static func number(of name: String) throws -> UInt64 {
    let found = rows.filter { $0.first == "`\(name)`" && $0.count > 2 }
    #expect(found.count == 1, "rows for \(name)")
    let text = try #require(found.first?[1]).replacing(",", with: "")
    if text.hasPrefix("2^") { return try 1 << #require(UInt64(text.dropFirst(2))) }
    return try #require(UInt64(text))
  }

  @Test(arguments: [
    ("dataBatchByteCount", WireLimits.dataBatchByteCount),
    ("entriesPerBatch", WireLimits.entriesPerBatch),
    ("imageByteCount", Int(WireLimits.imageByteCount)),
    ("segmentCount", WireLimits.segmentCount),
    ("runsPerMessage", WireLimits.runsPerMessage),
    ("digestsPerMessage", WireLimits.digestsPerMessage),
    ("programByteCount", WireLimits.programByteCount),
    ("machineByteCount", WireLimits.machineByteCount),
    ("fileNameByteCount", WireLimits.fileNameByteCount),
    ("nameByteCount", WireLimits.nameByteCount),
    ("textByteCount", WireLimits.textByteCount),
    ("notesPerMessage", WireLimits.notesPerMessage),
    ("threadCount", WireLimits.threadCount),
    ("strandCount", WireLimits.strandCount),
    ("invitationByteCount", WireLimits.invitationByteCount),
    ("noteCount", WireLimits.noteCount),
    ("sampleCount", WireLimits.sampleCount),
    ("probeFillerByteCount", WireLimits.probeFillerByteCount),
    ("probeByteCount", WireLimits.probeByteCount),
    ("progressIntervalMilliseconds", Int(WireLimits.progressIntervalMilliseconds)),
  ])
  func limitsAreWritten(name: String, value: Int) throws {
    #expect(try ProtocolDocumentTests.number(of: name) == UInt64(value))
  }

  @Test func windowsAreWritten() throws {
    let windows = [
      ("openNameCount", UInt64(WireLimits.openNameCount)),
      ("outstandingPageCount", UInt64(WireLimits.outstandingPageCount)),
      ("waitingDigestCount", UInt64(WireLimits.waitingDigestCount)),
    ]
    for (name, value) in windows {
      let row = ProtocolDocumentTests.rows.first {
        $0.first == "`\(name)`" && $0[2].contains("see")
      }
      #expect(row?[1].replacing(",", with: "") == String(value), "\(name)")
    }
  }

  @Test func payloadLimitsAreWritten() throws {
    var written: [String: Int] = [:]
    for row in ProtocolDocumentTests.rows where row.count == 3 {
      written[row[0]] = Int(row[1].replacing(",", with: ""))
    }
    for type in MessageType.allCases {
      let value = written["`\(type.name)`"] ?? written["all others"]
      #expect(value == type.payloadByteCountLimit, "\(type.name)")
    }
  }

  @Test func messagesAreWritten() {
    for type in MessageType.allCases {
      let row = ProtocolDocumentTests.rows.first {
        $0.first == String(type.rawValue) && $0.count == 5
      }
      #expect(row?[1].contains("`\(type.name)`") == true, "\(type.name)")
    }
    #expect(Hello.currentVersion == 1)
  }
}
