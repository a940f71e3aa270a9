// SPDX-License-Identifier: Apache-2.0

import Qemu

/// What a machine's monitor may say: a value that was read is written and read again as the same.
func fuzzJSON(_ bytes: [UInt8]) {
  guard let value = try? JSONParser.parse(bytes[...]) else { return }
  let text = Array(value.encoded.utf8)
  // Escapes are longer than what they stand for.
  guard text.count <= JSONParser.maximumByteCount else { return }
  guard let again = try? JSONParser.parse(text[...]), again == value else {
    preconditionFailure("writing")
  }
}
