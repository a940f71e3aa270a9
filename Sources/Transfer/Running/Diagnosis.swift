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
    guard error.end == .remote || error.end == .wire, error.status == .remote else {
      shell.finish()
      return error
    }
    let status = shell.finish()
    let lastWords = shell.lastWords.last
    if isGreeted {
      guard error == .lost else { return error }
      var lost = error
      lost.sentence = "\(shell.host): \(error.sentence)" + (lastWords.map { " (\($0))" } ?? "")
      return lost
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
      return TransferError(
        .remote, "\(host): cannot connect" + (lastWords.map { ": \($0)" } ?? ""),
        hint: "this must work without a question: ssh \(host) true", status: .remote)
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
    guard error.end == .wire else { return error }
    return TransferError(
      .remote, "\(host): \(error.sentence)",
      hint: "start-up files of the remote shell must print nothing: ssh \(host) true",
      status: .remote)
  }
}
