// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct DigestTests {
  static let hexadecimal = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"

  @Test func readsAndWritesHexadecimal() throws {
    let digest = try #require(Digest(hexadecimal: Self.hexadecimal))
    #expect(digest.hexadecimal == Self.hexadecimal)
    #expect(digest.description == Self.hexadecimal)
    #expect(Digest(hexadecimal: Self.hexadecimal.uppercased()) == digest)
  }

  @Test(arguments: [
    "", "bd", String(hexadecimal.dropLast()), hexadecimal + "0", hexadecimal.dropLast() + "g",
    " " + hexadecimal.dropFirst(), "0x" + hexadecimal.dropFirst(2), hexadecimal.dropLast() + "é",
  ])
  func refusesWhatIsNoDigest(text: String) {
    #expect(Digest(hexadecimal: text) == nil)
  }

  @Test func namesAreItsFirstBytes() throws {
    let digest = try #require(Digest(hexadecimal: Self.hexadecimal))
    #expect(digest.name == 0x7239_4263_3c81_ddbd)
    #expect(digest.steering.low == digest.name)
    #expect(digest.steering.high == 0x9b57_98ee_3fef_7131)
    var steering: [UInt8] = []
    digest.steering.append(to: &steering)
    var start: [UInt8] = []
    digest.append(to: &start, byteCount: 16)
    #expect(steering == start)
    let copy = steering.withUnsafeBytes { SteeringDigest(copying: $0.baseAddress!) }
    #expect(copy == digest.steering)
  }

  @Test func bytesGoInAndOut() throws {
    let bytes = [UInt8](1...32)
    let digest = Digest(bytes: bytes)
    #expect(digest.withBytes { Array($0) } == bytes)
    var copy: [UInt8] = [0]
    digest.append(to: &copy)
    #expect(copy == [0] + bytes)
    let words: [UInt64] = [
      0x0807_0605_0403_0201, 0x100f_0e0d_0c0b_0a09, 0x1817_1615_1413_1211,
      0x201f_1e1d_1c1b_1a19,
    ]
    #expect(Digest(words[0], words[1], words[2], words[3]) == digest)
  }

  @Test func areOrderedAsTheirBytesAre() {
    var random = Random(seed: 1)
    let digests = (0..<100).map { _ in Digest(bytes: random.bytes(32)) }
    #expect(
      digests.sorted().map(\.hexadecimal) == digests.map(\.hexadecimal).sorted())
  }
}
