// SPDX-License-Identifier: Apache-2.0

/// Which blkmove this is; said in the handshake, by `--version` and in the manual page.
package enum ProgramVersion {
  package static let number = "0.1.0"
  package static let text = "blkmove \(number)"
}
