// SPDX-License-Identifier: Apache-2.0

/// What kind of thing an image is.
package enum ImageKind: UInt8, Hashable, Sendable, CaseIterable {
  case file = 0
  case device = 1
}

/// Which image this is on this machine, and in which state: two opens with equal identities
/// saw the same unchanged image.
package struct ImageIdentity: Hashable, Sendable {
  package var kind: ImageKind
  /// Of a file: the device of its file system. Of a device: the device itself.
  package var deviceNumber: UInt64
  /// Of a file only.
  package var inode: UInt64
  package var byteCount: UInt64
  /// Of a file only: its last change of content.
  package var modifiedNanoseconds: Int64
  /// Of a file only: its last change of anything.
  package var changedNanoseconds: Int64
  /// Of a device only: device-mapper UUID, WWN, serial number, or empty where it has none.
  package var serial: String

  package init(
    kind: ImageKind, deviceNumber: UInt64, inode: UInt64 = 0, byteCount: UInt64,
    modifiedNanoseconds: Int64 = 0, changedNanoseconds: Int64 = 0, serial: String = ""
  ) {
    self.kind = kind
    self.deviceNumber = deviceNumber
    self.inode = inode
    self.byteCount = byteCount
    self.modifiedNanoseconds = modifiedNanoseconds
    self.changedNanoseconds = changedNanoseconds
    self.serial = serial
  }

  /// Whether nobody has changed the image between the two, as far as it can be told.
  package func isSameState(as other: ImageIdentity) -> Bool {
    kind == other.kind && inode == other.inode && byteCount == other.byteCount
      && modifiedNanoseconds == other.modifiedNanoseconds
      && changedNanoseconds == other.changedNanoseconds
  }

  /// Whether both are the same thing, in whatever state.
  package func isSameImage(as other: ImageIdentity) -> Bool {
    kind == other.kind && deviceNumber == other.deviceNumber && inode == other.inode
  }
}
