// SPDX-License-Identifier: Apache-2.0

/// What both ends say first: which versions of the protocol they speak.
///
/// The layout of this message is the same in every version; later ones may add fields at its
/// end, which are ignored here.
package struct Hello: Equatable, Sendable {
  /// What this program speaks.
  package static let currentVersion: UInt16 = 1
  package static let oldestVersion: UInt16 = 1
  /// The bit of `features` of an end that understands further connections.
  package static let strands: UInt64 = 1

  package var version: UInt16
  /// The oldest version that is understood as well.
  package var oldestVersion: UInt16
  /// One bit for each optional ability. Unknown bits are ignored.
  package var features: UInt64
  /// Name and version of the program, for sentences.
  package var program: String

  package init(
    version: UInt16 = Hello.currentVersion, oldestVersion: UInt16 = Hello.oldestVersion,
    features: UInt64 = 0, program: String
  ) {
    self.version = version
    self.oldestVersion = oldestVersion
    self.features = features
    self.program = program
  }

  /// The newest version that both ends speak; both come to the same answer.
  package func agree(with other: Hello) throws(WireError) -> UInt16 {
    let newest = min(version, other.version)
    if newest >= max(oldestVersion, other.oldestVersion) { return newest }
    throw WireError(
      .version, "hello", field: "version",
      found: "this end (\(program)) speaks \(versionRange)",
      allowed: "the other end (\(other.program)) \(other.versionRange)")
  }

  /// What both ends are able to do.
  package func commonFeatures(with other: Hello) -> UInt64 { features & other.features }

  private var versionRange: String {
    oldestVersion == version ? "\(version)" : "\(oldestVersion) to \(version)"
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    version = try reader.uint16("version")
    oldestVersion = try reader.uint16("oldest version")
    if oldestVersion == 0 || oldestVersion > version {
      throw reader.error("oldest version", found: "\(oldestVersion)", allowed: "1 to \(version)")
    }
    features = try reader.uint64("features")
    program = try reader.shownText("program", atMost: WireLimits.programByteCount)
    reader.ignoreRest()
  }

  func write(to writer: inout PayloadWriter) {
    writer.write(version)
    writer.write(oldestVersion)
    writer.write(features)
    writer.write(program, atMost: WireLimits.programByteCount)
  }
}
