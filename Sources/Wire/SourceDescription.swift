// SPDX-License-Identifier: Apache-2.0

/// What the source says of its image before anything is asked: enough to open a target for
/// it, and to refuse one that is the same file.
package struct SourceDescription: Equatable, Sendable {
  package enum Kind: UInt8, CaseIterable, Sendable {
    case file = 0
    case device = 1
  }

  package var byteCount: UInt64
  package var kind: Kind
  /// As the user wrote it; for sentences and for the name of a target in a directory.
  package var name: String
  /// What tells the machine from others (its boot identifier); empty when it is not known.
  package var machine: String
  package var deviceNumber: UInt64
  package var inode: UInt64

  package init(
    byteCount: UInt64, kind: Kind, name: String, machine: String, deviceNumber: UInt64,
    inode: UInt64
  ) {
    self.byteCount = byteCount
    self.kind = kind
    self.name = name
    self.machine = machine
    self.deviceNumber = deviceNumber
    self.inode = inode
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    byteCount = try reader.imageByteCount("size")
    kind = try reader.choice("kind")
    name = try reader.shownText("name", atMost: WireLimits.nameByteCount)
    machine = try reader.shownText("machine", atMost: WireLimits.machineByteCount)
    deviceNumber = try reader.uint64("device number")
    inode = try reader.uint64("inode")
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(byteCount)
    writer.write(kind.rawValue)
    writer.write(name, atMost: WireLimits.nameByteCount)
    writer.write(machine, atMost: WireLimits.machineByteCount)
    writer.write(deviceNumber)
    writer.write(inode)
  }
}
