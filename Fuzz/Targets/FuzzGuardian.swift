// SPDX-License-Identifier: Apache-2.0

import Live

/// What comes over the guardian's pipe: a message that was read is written and read as the same.
func fuzzGuardian(_ bytes: [UInt8]) {
  var parser = GuardianParser()
  parser.take(bytes[...])
  while case .message(let message) = parser.next() {
    // A command is written in its shortest form, which may be longer than it came.
    guard let written = message.encoded else { continue }
    var again = GuardianParser()
    again.take(written[...])
    precondition(again.next() == .message(message), "writing")
  }
}
