// SPDX-License-Identifier: Apache-2.0

/// Something that the user should see while a run goes on, and that is no error.
package enum Announcement: Equatable, Sendable {
  case note(String)
  /// What only who asks for details wants to know.
  case detail(String)
  /// A line that the remote shell, or the command behind it, wrote to standard error; or a line
  /// of a command of the user's own, whose name then stands for the host.
  case remoteLine(host: String, line: String)
}

package typealias Announce = @Sendable (Announcement) -> Void
