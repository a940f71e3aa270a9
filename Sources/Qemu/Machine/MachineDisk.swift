// SPDX-License-Identifier: Apache-2.0

/// A disk that a virtual machine writes to.
package struct MachineDisk: Equatable, Sendable {
  /// How QEMU's commands name the device.
  package enum Device: Equatable, Sendable {
    /// The device's own name or path.
    case identifier(String)
    /// The name of the drive, as in older command lines.
    case drive(String)

    var member: JSON.Member {
      switch self {
      case .identifier(let name): JSON.Member(name: "id", value: .string(name))
      case .drive(let name): JSON.Member(name: "device", value: .string(name))
      }
    }
  }

  /// For reports: the device's name where it has one, else the node's.
  package var name: String
  package var device: Device
  /// The block node that the guest writes to: what bitmaps and exports are made of.
  package var node: String
  /// `raw`, `qcow2`, ... or, without a format, the driver of the file.
  package var format: String
  /// Whether the bytes of the file are the bytes of the disk.
  package var isRaw: Bool
  /// The file or device that QEMU writes to, from the root on; nil where it is none, or cannot be
  /// named.
  package var path: String?
  /// What to call it elsewhere: the last part of the file's name.
  package var fileName: String
  package var byteCount: UInt64
  /// Whether its requests are handled outside of QEMU's main loop. An export of its node must not
  /// be made then: QEMU 7.2 dies when a client of it leaves.
  package var isInThread: Bool
  /// The limits that it had before we changed anything.
  package var throttle: ThrottleValues

  /// Whether the file can be read in place of the disk.
  package var directPath: String? { isRaw ? path : nil }
}
