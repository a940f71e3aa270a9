// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import blkmove

/// The files that are made from the table of flags, and committed.
@Suite struct GeneratedFilesTests {
  @Test(arguments: GeneratedFile.allCases)
  func isFresh(file: GeneratedFile) throws {
    let committed = try Project.text(file.path)
    #expect(committed == file.text, "\(file.path) is stale: run 'make generate'")
  }

  @Test func helpFitsATerminal() {
    for subcommand in [Subcommand.copy] + Subcommand.words {
      for line in Help.text(for: subcommand).split(separator: "\n") {
        #expect(line.count <= Help.width, "\(line)")
      }
    }
  }

  @Test func aSubcommandsHelpHasItsOwnOptions() {
    let text = Help.text(for: .digest)
    #expect(text.contains("usage: blkmove digest [OPTION]... IMAGE..."))
    #expect(text.contains("--json") && !text.contains("--dry-run"))
  }

  @Test func helpAndManualHaveTheSameStatuses() {
    for status in ExitStatus.allCases {
      #expect(Help.text().contains("  \(status.rawValue)  \(status.meaning)\n"))
      #expect(ManualPage.text.contains("\\fB\(status.rawValue)\\fR\n\(status.meaning)."))
    }
  }

  @Test(.enabled(if: Project.has("mandoc"), "mandoc is not installed"))
  func theManualPageIsClean() throws {
    let lint = try Project.run(["mandoc", "-T", "lint", "-W", "style", GeneratedFile.man.path])
    #expect(lint.status == 0 && lint.text.isEmpty, "\(lint.text)")
  }

  @Test(.enabled(if: Project.has("zsh"), "zsh is not installed"))
  func zshReadsItsCompletion() throws {
    let result = try Project.run(["zsh", "-n", GeneratedFile.zsh.path])
    #expect(result.status == 0 && result.text.isEmpty, "\(result.text)")
  }

  @Test(.enabled(if: Project.has("fish"), "fish is not installed"))
  func fishReadsItsCompletion() throws {
    let result = try Project.run(["fish", "--no-execute", GeneratedFile.fish.path])
    #expect(result.status == 0 && result.text.isEmpty, "\(result.text)")
  }

  static let fishCases: [(line: String, offers: [String], not: [String])] = [
    ("blkmove --comp", ["--compress"], ["--no-compress", "--rsh"]),
    ("blkmove --compress=n", ["--compress=none"], ["--compress=auto"]),
    ("blkmove --size-policy ", ["strict", "resize", "min"], []),
    ("blkmove ver", ["verify"], ["digest"]),
    ("blkmove verify --", ["--json"], ["--dry-run", "--restrict"]),
    ("blkmove serve --", ["--restrict", "--read-only"], ["--json"]),
  ]

  @Test(
    .enabled(if: Project.has("fish"), "fish is not installed"), .timeLimit(.minutes(1)),
    arguments: fishCases)
  func fishOffers(line: String, offers: [String], not: [String]) throws {
    let result = try Project.run([
      "fish", "--no-config", "--command",
      "source \(GeneratedFile.fish.path); complete --do-complete '\(line)'",
    ])
    let words = result.text.split(separator: "\n").map { $0.prefix { $0 != "\t" } }
    for word in offers { #expect(words.contains(Substring(word)), "\(result.text)") }
    for word in not { #expect(!words.contains(Substring(word)), "\(result.text)") }
  }
}
