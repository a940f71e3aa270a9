// SPDX-License-Identifier: Apache-2.0
package enum ShellQuoting {
  package static func quote(_ s: String) -> String { s.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:@".contains($0) } && !s.isEmpty ? s : "'" + s.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'" }
}
