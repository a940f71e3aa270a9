// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Who has an image open, for sentences that name somebody. Other users' processes are only
/// seen by root.
enum ProcessTable {
  /// No sentence needs more names.
  static let maximumNameCount = 3

  /// `qemu-system-x86 (pid 4711)`, and so on; never ourselves.
  static func users(of image: stat, onlyWriters: Bool = false, on machine: Machine) -> [String] {
    var users: [String] = []
    for entry in KernelFiles.names(in: machine.processRoot) {
      guard let process = Int32(entry), process != getpid() else { continue }
      let files = "\(machine.processRoot)/\(entry)/fd"
      let details = files + "info"
      let hasIt = KernelFiles.names(in: files).contains {
        guard let status = KernelFiles.status("\(files)/\($0)") else { return false }
        return isSame(status, image) && (!onlyWriters || isWriting("\(details)/\($0)"))
      }
      if hasIt { users.append(describe(process, on: machine)) }
      if users.count == maximumNameCount { break }
    }
    return users
  }

  static func describe(_ process: Int32, on machine: Machine) -> String {
    let name = KernelFiles.line("\(machine.processRoot)/\(process)/comm") ?? "a process"
    return "\(name) (pid \(process))"
  }

  /// From `/proc/PID/fdinfo/N`, whose flags are octal: `flags: 0100002`.
  private static func isWriting(_ details: String) -> Bool {
    let text = KernelFiles.text(details) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix("flags:") {
      let flags = Int32(line.dropFirst(6).filter(\.isWholeNumber), radix: 8) ?? O_RDONLY
      return flags & O_ACCMODE != O_RDONLY
    }
    return false
  }

  private static func isSame(_ one: stat, _ other: stat) -> Bool {
    guard one.st_mode & S_IFMT == other.st_mode & S_IFMT else { return false }
    if other.st_mode & S_IFMT == S_IFBLK { return one.st_rdev == other.st_rdev }
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino
  }
}
