// SPDX-License-Identifier: Apache-2.0

/// The first record of a manifest stream: of which image it is.
package struct ManifestStart: Equatable, Sendable {
  package var imageByteCount: UInt64
  /// Name and version of the program that wrote it, and the image as its user wrote it: for
  /// people only.
  package var program: String
  package var name: String

  package init(imageByteCount: UInt64, program: String, name: String) {
    self.imageByteCount = imageByteCount
    self.program = program
    self.name = name
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    try reader.streamVersion(of: .manifest)
    imageByteCount = try reader.imageByteCount("image size")
    program = try reader.shownText("program", atMost: WireLimits.programByteCount)
    name = try reader.shownText("name", atMost: WireLimits.nameByteCount)
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(StreamKind.version)
    writer.write(imageByteCount)
    writer.write(program, atMost: WireLimits.programByteCount)
    writer.write(name, atMost: WireLimits.nameByteCount)
  }
}

extension PayloadReader {
  /// A stream of another version is refused by a sentence that says so.
  mutating func streamVersion(of kind: StreamKind) throws(WireError) {
    let version = try uint16("version")
    if version == StreamKind.version { return }
    throw WireError(
      .foreignStream, "\(kind.name) that this program understands", field: "version",
      found: "\(version)", allowed: "\(StreamKind.version)")
  }
}
