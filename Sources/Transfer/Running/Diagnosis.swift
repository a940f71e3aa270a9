// SPDX-License-Identifier: Apache-2.0

/// Finds the cause behind a connection that ended too early: what the remote shell said and how
/// it exited tells a missing program from a refused key and from a cut line.
enum Diagnosis {
  private static let notFound: Int32 = 127
  private static let notExecutable: Int32 = 126
  /// ssh's own: the connection or the login failed.
  private static let connectionFailed: Int32 = 255

  static func explain(
    _ error: TransferError, shell: RemoteShell, isGreeted: Bool
  ) -> TransferError {
    let status = shell.finish()
    guard error.end == .remote || error.end == .wire, !error.isReported else { return error }
    let lastWords = shell.lastWords.last.map(bare)
    if isGreeted {
      var named = error
      named.sentence = "\(shell.host): \(error.sentence)"
      if error == .lost, let lastWords { named.sentence += " (\(lastWords))" }
      return named
    }
    return beforeGreeting(error, shell: shell, status: status, lastWords: lastWords)
  }

  private static func beforeGreeting(
    _ error: TransferError, shell: RemoteShell, status: Int32, lastWords: String?
  ) -> TransferError {
    let host = shell.host
    if error != .lost { return noise(error, host: host) }
    switch status {
    case notFound, notExecutable:
      return TransferError(
        .remote, "\(host): blkmove cannot be run there" + (lastWords.map { ": \($0)" } ?? ""),
        hint: "install it there, or say where it is with --remote-path", status: .remote)
    case connectionFailed:
      return .lineFailure(
        .remote, "\(host): cannot connect" + (lastWords.map { ": \($0)" } ?? ""),
        hint: "this must work without a question: ssh \(host) true")
    default:
      return TransferError(
        .remote,
        "\(host): the remote shell ended with status \(status) before blkmove answered"
          + (lastWords.map { ": \($0)" } ?? ""),
        hint: "this must print a version: ssh \(host) blkmove --version", status: .remote)
    }
  }

  /// Something answered that is not blkmove, or not a blkmove that we understand.
  private static func noise(_ error: TransferError, host: String) -> TransferError {
    let isStranger = error.end == .wire && error.hint == nil
    return TransferError(
      .remote, "\(host): \(error.sentence)",
      hint: isStranger
        ? "start-up files of the remote shell must print nothing: ssh \(host) true" : error.hint,
      status: error.status)
  }

  /// Our sentences have no full stop, also where they end with somebody else's words.
  private static func bare(_ words: String) -> String {
    words.hasSuffix(".") ? String(words.dropLast()) : words
  }
}
