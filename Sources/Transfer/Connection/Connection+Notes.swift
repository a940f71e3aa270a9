// SPDX-License-Identifier: Apache-2.0

import Wire

/// What the user should know, and only the server does: it says so when it finds out, and whatever
/// comes of the run the user has read it.
extension Connection {
  /// Tells the client's user. What is too much is left out: a thousand notes tell nobody anything.
  func note(_ text: String) {
    let isWithinLimit = noteCount.update { count in
      count += 1
      return count <= WireLimits.noteCount
    }
    if isWithinLimit { send(.note(text)) }
  }

  /// True when the message was a note of the server.
  func takeNote(_ message: Message) throws(TransferError) -> Bool {
    guard case .note(let text) = message else { return false }
    guard let tell else { throw .breach("'note' is not for a server") }
    let count = noteCount.update { count in
      count += 1
      return count
    }
    if count > WireLimits.noteCount { throw .breach("more notes than may be") }
    tell(text)
    return true
  }
}
