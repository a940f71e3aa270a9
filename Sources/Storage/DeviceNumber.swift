// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The number by which the kernel knows a block device, or the device of a file system.
struct DeviceNumber: Hashable, Sendable, CustomStringConvertible {
  let major: UInt32
  let minor: UInt32

  init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }

  /// From `st_dev` or `st_rdev`: both halves are spread over the word, for the sake of programs
  /// from when it had sixteen bits.
  init(_ raw: UInt64) {
    major = UInt32(truncatingIfNeeded: (raw >> 8) & 0xfff | (raw >> 32) & 0xffff_f000)
    minor = UInt32(truncatingIfNeeded: raw & 0xff | (raw >> 12) & 0xffff_ff00)
  }

  /// From `7:0`, as procfs and sysfs write it.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = UInt32(parts[0]), let minor = UInt32(parts[1]) else {
      return nil
    }
    self.init(major: major, minor: minor)
  }

  var raw: UInt64 {
    let high = UInt64(major)
    let low = UInt64(minor)
    return (high & 0xfff) << 8 | (high & ~0xfff) << 32 | low & 0xff | (low & ~0xff) << 12
  }

  var description: String { "\(major):\(minor)" }
}
