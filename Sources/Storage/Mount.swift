// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file system that is mounted where we can see it.
struct Mount: Equatable, Sendable {
  var device: DeviceNumber
  var point: String
  var type: String
  /// What was given to mount(8): for file systems over several devices, one of them.
  var source: String
  /// Whether the file system itself may be written, through whichever mount.
  var isWritable: Bool

}

extension Mount {
  /// From `/proc/self/mountinfo`.
  static func all(on machine: Machine) -> [Mount] {
    let text = KernelFiles.text(machine.processRoot + "/self/mountinfo") ?? ""
    return text.split(separator: "\n").compactMap { Mount(line: $0) }
  }

  /// `36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/vda1 rw,errors=continue`; there may
  /// be any number of fields before the dash.
  init?(line: Substring) {
    let fields = line.split(separator: " ")
    guard fields.count >= 10, let device = DeviceNumber(fields[2]),
      let dash = fields[6...].firstIndex(of: "-"), dash + 3 < fields.count
    else { return nil }
    self.device = device
    point = Self.unescaped(fields[4])
    type = String(fields[dash + 1])
    source = Self.unescaped(fields[dash + 2])
    isWritable = fields[dash + 3].split(separator: ",").contains("rw")
  }

  /// The kernel writes space, tab, newline and backslash as `\040` and so on.
  static func unescaped(_ field: Substring) -> String {
    let bytes = Array(field.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\\"), index + 3 < bytes.count,
        let code = UInt8(
          String(decoding: bytes[(index + 1)...(index + 3)], as: UTF8.self), radix: 8)
      {
        result.append(code)
        index += 4
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Whether this file system lives on the device.
  func isOn(_ number: DeviceNumber) -> Bool {
    if device == number { return true }
    // btrfs and others show a number of their own, and the device only as the source.
    guard device.major == 0, source.hasPrefix("/"), let status = KernelFiles.status(source) else {
      return false
    }
    return DeviceNumber(UInt64(status.st_rdev)) == number
  }
}
