// SPDX-License-Identifier: Apache-2.0

package import Storage
package import Wire

/// Why a run ended without being done: which end, what happened there, what to do, and
/// the exit status that says so to scripts.
package struct TransferError: Error, Equatable, Sendable {
  /// Who the sentence is about.
  package enum End: String, Sendable {
    case source, target, wire, remote, stream
  }

  package var end: End
  /// Outermost fact first, cause last: `/dev/vdb: write 1 MiB at 4 GiB: No space left on device`.
  package var sentence: String
  package var hint: String?
  package var status: ExitStatus
  /// The other end said so: it need not be told.
  package var isReported = false
  /// The line failed, and nothing is wrong with either end as far as is known.
  package var isConnectionLoss = false

  package init(_ end: End, _ sentence: String, hint: String? = nil, status: ExitStatus) {
    self.end = end
    self.sentence = sentence
    self.hint = hint
    self.status = status
  }
}

extension TransferError {
  /// A failure of the image at one end.
  package init(_ end: End, _ error: StorageError) {
    self.init(
      end, error.description, hint: error.hint, status: error.isRefusal ? .refused : .failed)
  }

  /// What the other end sent is not what the protocol allows.
  package init(_ error: WireError) {
    self.init(.wire, error.description, status: .remote)
  }

  /// The other end broke the rules of the conversation.
  static func breach(_ sentence: String) -> TransferError {
    TransferError(.wire, "the other end broke the protocol: \(sentence)", status: .remote)
  }
}

extension TransferError {
  /// What the other end says went wrong there. `host` is put before it when there is one.
  init(_ end: End, _ failure: Failure, from host: String?) {
    let place = host.map { "\($0):" } ?? ""
    self.init(
      end, place + failure.sentence, hint: failure.hint,
      status: ExitStatus(rawValue: failure.exitStatus) ?? .failed)
    isReported = true
  }

  /// The other end went away in the middle of a run.
  static let lost = lineFailure(
    .remote, "the connection was lost before the work was done",
    hint: "what has arrived is kept; run again to go on")

  /// The connection failed, and another one may not.
  static func lineFailure(_ end: End, _ sentence: String, hint: String? = nil) -> TransferError {
    var error = TransferError(end, sentence, hint: hint, status: .remote)
    error.isConnectionLoss = true
    return error
  }

}

extension Connection {
  /// Tells the other end why this one gives up, unless it knows.
  func tell(_ error: TransferError) {
    if !error.isReported && error != .lost { send(.failure(Failure(error))) }
  }
}

extension Failure {
  init(_ error: TransferError) {
    self.init(
      exitStatus: error.status.rawValue, sentence: error.sentence, hint: error.hint)
  }
}
