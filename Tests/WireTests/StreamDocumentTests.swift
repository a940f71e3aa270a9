// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import Wire

/// docs/streams.md promises that streams can be read and written from it: its tables must say what
/// the code does.
@Suite struct StreamDocumentTests {
  private static let rows: [[String]] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/streams.md")
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
      line.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }()

  @Test func recordsAndTheirSizesAreWritten() {
    for type in StreamRecordType.allCases {
      let row = Self.rows.first { $0.first == String(type.rawValue) && $0.count == 5 }
      #expect(row?[1] == "`\(type.name)`", "\(type.name)")
      #expect(
        row?[2].replacing(",", with: "") == String(type.payloadByteCountLimit), "\(type.name)")
    }
  }

  @Test(arguments: [
    ("itemsPerRecord", StreamLimits.itemsPerRecord),
    ("runsPerRecord", StreamLimits.runsPerRecord),
    ("digestsPerRecord", StreamLimits.digestsPerRecord),
  ])
  func limitsAreWritten(name: String, value: Int) {
    let row = Self.rows.first { $0.first == "`\(name)`" }
    #expect(row?[1].replacing(",", with: "") == String(value))
  }

  @Test func runsAreWritten() {
    for kind in DeltaOutline.Run.Kind.allCases {
      let row = Self.rows.first { $0.count > 2 && $0[1] == "\(kind)" }
      #expect(row?.first == String(kind.rawValue), "\(kind)")
    }
  }
}
