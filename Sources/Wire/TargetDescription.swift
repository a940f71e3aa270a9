// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// What the target says once it is open: how much of the source it will take, and what is
/// there already.
package struct TargetDescription: Equatable, Sendable {
  /// The agreed length: the image's shape at both ends follows from it.
  package var byteCount: UInt64
  /// All of it reads as zero, so that there is nothing to scan.
  package var startsZero: Bool
  package var isNew: Bool
  /// An earlier run to it was interrupted.
  package var wasUnfinished: Bool
  /// What its manifest, which it trusts, says that it holds.
  package var knownDigest: Digest?
  /// It starts as zero, and looks for whole groups at its own end first: it would rather have
  /// the digests of groups than names of pages.
  package var seeksGroups: Bool
  /// The path where it finally is.
  package var name: String
  /// What the user should know before it is written to.
  package var notes: [String]

  package init(
    byteCount: UInt64, startsZero: Bool, isNew: Bool, wasUnfinished: Bool,
    knownDigest: Digest? = nil, seeksGroups: Bool = false, name: String, notes: [String]
  ) {
    self.byteCount = byteCount
    self.startsZero = startsZero
    self.isNew = isNew
    self.wasUnfinished = wasUnfinished
    self.knownDigest = knownDigest
    self.seeksGroups = seeksGroups
    self.name = name
    self.notes = notes
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    byteCount = try reader.imageByteCount("size")
    let flags = try reader.checked(reader.uint8("flags"), "flags", in: 0...0b11111)
    startsZero = flags & 1 != 0
    isNew = flags & 2 != 0
    wasUnfinished = flags & 4 != 0
    seeksGroups = flags & 16 != 0
    if flags & 8 != 0 { knownDigest = try reader.digest("known digest") }
    name = try reader.shownText("name", atMost: WireLimits.nameByteCount)
    let count = try reader.checked(
      reader.uint8("notes"), "notes", in: 0...WireLimits.notesPerMessage)
    notes = []
    for _ in 0..<count {
      notes.append(try reader.shownText("note", atMost: WireLimits.textByteCount))
    }
  }

  /// Notes beyond the limit are left out.
  func write(to writer: inout PayloadWriter) {
    writer.write(byteCount)
    let flags = (startsZero ? 1 : 0) | (isNew ? 2 : 0) | (wasUnfinished ? 4 : 0)
    writer.write(UInt8(flags | (knownDigest == nil ? 0 : 8) | (seeksGroups ? 16 : 0)))
    if let knownDigest { writer.write(knownDigest) }
    writer.write(name, atMost: WireLimits.nameByteCount)
    let kept = notes.prefix(WireLimits.notesPerMessage)
    writer.write(UInt8(kept.count))
    for note in kept { writer.write(note, atMost: WireLimits.textByteCount) }
  }
}
