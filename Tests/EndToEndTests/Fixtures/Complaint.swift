// SPDX-License-Identifier: Apache-2.0

import Testing

/// Checks that a run ended with a status and one sentence in the house's form: it names what the
/// test says it must, begins in lower case, has no full stop, and is followed by at most one hint.
func expectComplaint(
  _ outcome: Outcome, status: Int32, _ mentions: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let location = sourceLocation
  #expect(outcome.status == status, "\(outcome)", sourceLocation: location)
  let complaints = outcome.sentences
  #expect(complaints.count == 1, "one sentence: \(outcome)", sourceLocation: location)
  let sentence = complaints.first ?? ""
  let text = sentence.dropFirst("blkmove: ".count)
  let isWhole = !text.isEmpty && (!text.hasSuffix(".") || text.hasSuffix("..."))
  #expect(isWhole && !text.hasSuffix("!"), "\(outcome)", sourceLocation: location)
  let hints = outcome.error.split(separator: "\n").filter { $0.hasPrefix("hint: ") }
  #expect(hints.count <= 1, "\(outcome)", sourceLocation: location)
  let said = ([sentence] + hints.map(String.init)).joined(separator: "\n").lowercased()
  for mention in mentions {
    #expect(
      said.contains(mention.lowercased()), "should say '\(mention)': \(outcome)",
      sourceLocation: location)
  }
  expectNoTrap(outcome, sourceLocation: location)
}

/// No trap, no signal, no time-out.
func expectNoTrap(_ outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(outcome.signal == 0, "\(outcome)", sourceLocation: sourceLocation)
  #expect(!outcome.isTimedOut, "\(outcome)", sourceLocation: sourceLocation)
  #expect(!outcome.error.contains("Fatal error"), "\(outcome)", sourceLocation: sourceLocation)
}

/// The run ended well, and said nothing that looks like an error.
func expectDone(_ run: Blkmove.Run, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(run.status == 0, "\(run)", sourceLocation: sourceLocation)
  expectNoTrap(run.outcome, sourceLocation: sourceLocation)
}
