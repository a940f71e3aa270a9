// SPDX-License-Identifier: Apache-2.0

/// The first record of a delta: which image it makes of which.
package struct DeltaStart: Equatable, Sendable {
  /// Of the image that it is applied to.
  package var baseByteCount: UInt64
  /// Of the image that this becomes.
  package var imageByteCount: UInt64
  /// Name and version of the program that wrote it, and both images as their users wrote them:
  /// for people only.
  package var program: String
  package var baseName: String
  package var name: String

  package init(
    baseByteCount: UInt64, imageByteCount: UInt64, program: String, baseName: String, name: String
  ) {
    self.baseByteCount = baseByteCount
    self.imageByteCount = imageByteCount
    self.program = program
    self.baseName = baseName
    self.name = name
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    try reader.streamVersion(of: .delta)
    baseByteCount = try reader.imageByteCount("base size")
    imageByteCount = try reader.imageByteCount("image size")
    program = try reader.shownText("program", atMost: WireLimits.programByteCount)
    baseName = try reader.shownText("base name", atMost: WireLimits.nameByteCount)
    name = try reader.shownText("name", atMost: WireLimits.nameByteCount)
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(StreamKind.version)
    writer.write(baseByteCount)
    writer.write(imageByteCount)
    writer.write(program, atMost: WireLimits.programByteCount)
    writer.write(baseName, atMost: WireLimits.nameByteCount)
    writer.write(name, atMost: WireLimits.nameByteCount)
  }
}
