// SPDX-License-Identifier: Apache-2.0

import Transfer

/// An operand as a user, or a script with someone else's data, gives it: what is accepted must
/// be safe to hand to ssh.
func fuzzLocation(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  guard let location = try? LocationParser.parse(text, as: .source) else { return }
  precondition(!location.path.utf8.contains(0), "a path with a NUL")
  guard case .remote(let remote) = location else { return }
  for name in [remote.host, remote.user ?? "user"] {
    precondition(!name.isEmpty && !name.hasPrefix("-"), "an option of ssh")
    precondition(name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }, "no name")
  }
}
