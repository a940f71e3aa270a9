// SPDX-License-Identifier: Apache-2.0

/// Why a run ended without being done: which end, what happened there, what to do, and
/// the exit status that says so to scripts.
package struct TransferError: Error, Equatable, Sendable {
  /// Who the sentence is about.
  package enum End: String, Sendable {
    case source, target, wire, remote
  }

  package var end: End
  /// Outermost fact first, cause last: `/dev/vdb: write 1 MiB at 4 GiB: No space left on device`.
  package var sentence: String
  package var hint: String?
  package var status: ExitStatus

  package init(_ end: End, _ sentence: String, hint: String? = nil, status: ExitStatus) {
    self.end = end
    self.sentence = sentence
    self.hint = hint
    self.status = status
  }
}
