// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// The first page of a manifest: of which image it is, in which state that image was, and whether
/// what follows is complete.
package struct ManifestHeader: Equatable, Sendable {
  /// Not `closed` from before the first change of a run until it is over, and for good when the
  /// run was interrupted.
  package enum State: UInt8, Sendable {
    /// Each record stands for itself, and places without one are not known.
    case open = 1
    /// Of all of the image: places without a record are zero.
    case closed = 2
    /// Records say which digest goes with which fingerprint, and no more.
    case stale = 3
  }

  package enum Role: UInt8, Sendable {
    case source = 1
    case target = 2
  }

  package var state: State
  /// Of the image at this end.
  package var role: Role
  /// The key of the image (see `ImageKey`).
  package var key: String
  /// As the image was when the manifest was closed.
  package var identity: ImageIdentity
  /// How often it was closed.
  package var generation: UInt64
  package var secret: [UInt8]
  /// Only of a closed one.
  package var imageDigest: Digest
  /// Of all records, as a tree over the rest of the file.
  package var recordsDigest: Digest
  /// When this header was last written, since 1970.
  package var nanoseconds: Int64
  /// The image at the other end of the last run, and the one at this end, as the user wrote them.
  package var peer: String
  package var name: String
  /// Since which start of the machine the image was seen, where what was seen need not have been
  /// on stable storage; else empty.
  var bootIdentifier: String

  static let byteCount = 4096
  static let magic = Array("blkmove manifest".utf8)
  static let version: UInt16 = 1
  /// All of them and what has a fixed size fit into the page.
  private static let textLimit = 700
  private static let digestOffset = byteCount - Digest.byteCount

  /// The page as it is written.
  func encoded() -> [UInt8] {
    var bytes = Self.magic
    func write<Number: FixedWidthInteger>(_ number: Number) {
      unsafe withUnsafeBytes(of: number.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }
    func write(_ text: String) {
      let kept = Self.beginning(of: text)
      write(UInt16(kept.utf8.count))
      bytes += kept.utf8
    }
    write(Self.version)
    write(state.rawValue)
    write(role.rawValue)
    write(identity.kind.rawValue)
    write(identity.byteCount)
    write(identity.inode)
    write(identity.modifiedNanoseconds)
    write(identity.changedNanoseconds)
    write(generation)
    write(nanoseconds)
    bytes += secret
    imageDigest.append(to: &bytes)
    recordsDigest.append(to: &bytes)
    for text in [key, identity.serial, peer, name, bootIdentifier] { write(text) }
    bytes += [UInt8](repeating: 0, count: Self.digestOffset - bytes.count)
    Self.digest(of: bytes).append(to: &bytes)
    return bytes
  }

  /// Nil when these bytes are no header of this version, whole and unaltered.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount, bytes.starts(with: Self.magic) else { return nil }
    var rest = bytes[...]
    func take(_ count: Int) -> ArraySlice<UInt8> {
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
      take(MemoryLayout<Number>.size).reversed().reduce(0) {
        $0 << 8 | Number(truncatingIfNeeded: $1)
      }
    }
    func digest() -> Digest {
      unsafe take(Digest.byteCount).withUnsafeBytes { unsafe Digest(copying: $0.baseAddress!) }
    }
    let sealed = Self.digest(of: Array(bytes[..<Self.digestOffset]))
    rest = bytes[Self.digestOffset...]
    guard digest() == sealed else { return nil }
    // What follows was written by this program, whole.
    rest = bytes[..<Self.digestOffset].dropFirst(Self.magic.count)
    guard number(UInt16.self) == Self.version, let state = State(rawValue: number(UInt8.self)),
      let role = Role(rawValue: number(UInt8.self)),
      let kind = ImageKind(rawValue: number(UInt8.self))
    else { return nil }
    self.state = state
    self.role = role
    identity = ImageIdentity(kind: kind, deviceNumber: 0, byteCount: number(UInt64.self))
    identity.inode = number(UInt64.self)
    identity.modifiedNanoseconds = number(Int64.self)
    identity.changedNanoseconds = number(Int64.self)
    generation = number(UInt64.self)
    nanoseconds = number(Int64.self)
    secret = Array(take(Fingerprinter.secretByteCount))
    imageDigest = digest()
    recordsDigest = digest()
    var texts: [String] = []
    for _ in 0..<5 {
      let count = Int(number(UInt16.self))
      guard count <= Self.textLimit else { return nil }
      texts.append(String(decoding: take(count), as: UTF8.self))
    }
    (key, identity.serial) = (texts[0], texts[1])
    (peer, name, bootIdentifier) = (texts[2], texts[3], texts[4])
    guard identity.byteCount <= Geometry.maximumImageByteCount else { return nil }
  }

  private static func digest(of bytes: [UInt8]) -> Digest {
    unsafe bytes.withUnsafeBytes { unsafe PageHasher.digest(of: $0) }
  }

  private static func beginning(of text: String) -> String {
    if text.utf8.count <= textLimit { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(textLimit / 4)))
  }

  init(
    role: Role, key: String, identity: ImageIdentity, secret: [UInt8], name: String
  ) {
    state = .open
    self.role = role
    self.key = key
    self.identity = identity
    self.secret = secret
    self.name = name
    generation = 0
    imageDigest = Digest(0, 0, 0, 0)
    recordsDigest = imageDigest
    nanoseconds = 0
    peer = ""
    bootIdentifier = ""
  }
}
