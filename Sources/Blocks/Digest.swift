// SPDX-License-Identifier: Apache-2.0

/// BLAKE2b-256 of something: the full name of a page, a node or an image.
///
/// The 32 bytes are kept as four words in memory order, so that an array of digests is the
/// concatenation of their bytes: nodes are hashed, and messages written, without a copy.
package struct Digest: Hashable, Sendable, BitwiseCopyable {
  package static let byteCount = 32

  /// As they lie in memory; only a little-endian machine may take them for numbers.
  private let word0: UInt64
  private let word1: UInt64
  private let word2: UInt64
  private let word3: UInt64

  /// From four little-endian words, the first bytes first.
  package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
    self.word0 = word0.littleEndian
    self.word1 = word1.littleEndian
    self.word2 = word2.littleEndian
    self.word3 = word3.littleEndian
  }

  /// From 32 bytes at any address.
  @unsafe package init(copying bytes: UnsafeRawPointer) {
    word0 = unsafe bytes.loadUnaligned(as: UInt64.self)
    word1 = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    word2 = unsafe bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    word3 = unsafe bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
  }

  /// From 64 hexadecimal digits of either case, as `b2sum -l 256` prints them.
  package init?(hexadecimal: String) {
    let digits = hexadecimal.utf8
    guard digits.count == 2 * Self.byteCount else { return nil }
    var words: [UInt64] = [0, 0, 0, 0]
    for (position, digit) in digits.enumerated() {
      guard let value = Self.value(ofDigit: digit) else { return nil }
      words[position / 16] = words[position / 16] << 4 | UInt64(value)
    }
    self.init(
      words[0].byteSwapped, words[1].byteSwapped, words[2].byteSwapped, words[3].byteSwapped)
  }

  /// 64 lower-case digits, as `b2sum -l 256` prints them.
  package var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    append(to: &bytes)
    var text: [UInt8] = []
    text.reserveCapacity(2 * Self.byteCount)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The first 8 bytes as a little-endian integer: the short name that steers pages.
  package var name: UInt64 { UInt64(littleEndian: word0) }

  /// The first 16 bytes: enough to steer the descent of the tree, not to confirm a copy.
  package var steering: SteeringDigest {
    SteeringDigest(low: UInt64(littleEndian: word0), high: UInt64(littleEndian: word1))
  }

  /// Lends the 32 bytes.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe try withUnsafeBytes(of: self, body)
  }

  /// Appends the first bytes of the digest, all of them unless told otherwise.
  package func append(to bytes: inout [UInt8], byteCount: Int = Digest.byteCount) {
    precondition((0...Self.byteCount).contains(byteCount), "a digest has 32 bytes")
    unsafe withBytes { unsafe bytes.append(contentsOf: $0.prefix(byteCount)) }
  }

  private static func value(ofDigit digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension Digest: CustomStringConvertible {
  package var description: String { hexadecimal }
}

extension Digest: Comparable {
  /// As their bytes, and so their hexadecimal digits, are ordered.
  package static func < (left: Digest, right: Digest) -> Bool {
    (left.word0.bigEndian, left.word1.bigEndian, left.word2.bigEndian, left.word3.bigEndian)
      < (
        right.word0.bigEndian, right.word1.bigEndian, right.word2.bigEndian,
        right.word3.bigEndian
      )
  }
}
