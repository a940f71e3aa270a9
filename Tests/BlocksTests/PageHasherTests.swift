// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing

@Suite struct PageHasherTests {
  /// What `b2sum -l 256` prints for some bytes.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var bytes: [UInt8]
    var hexadecimal: String
  }

  /// As `seq 1 20000` prints them, cut off.
  static func numbers(_ count: Int) -> [UInt8] {
    Array((1...20_000).flatMap { Array("\($0)\n".utf8) }.prefix(count))
  }

  static let golden = [
    Case(
      testDescription: "nothing", bytes: [],
      hexadecimal: "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"),
    Case(
      testDescription: "abc", bytes: Array("abc".utf8),
      hexadecimal: "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"),
    Case(
      testDescription: "a page of zeros", bytes: Array(repeating: 0, count: 4096),
      hexadecimal: "686ede9288c391e7e05026e56f2f91bfd879987a040ea98445dabc76f55b8e5f"),
    Case(
      testDescription: "a page of text", bytes: numbers(4096),
      hexadecimal: "72dbf8c98fe82289a043abd9c68f4653b0b4591ccc9d56f50d3b00257494320c"),
    Case(
      testDescription: "70,000 bytes of text", bytes: numbers(70_000),
      hexadecimal: "546221e81ba5e21dfaa53335b307b46a157cd11cea69618e475584aea912a67f"),
  ]

  @Test(arguments: golden) func agreesWithB2sum(each: Case) {
    let digest = each.bytes.withUnsafeBytes { PageHasher.digest(of: $0) }
    #expect(digest.hexadecimal == each.hexadecimal)
    each.bytes.withUnsafeBytes { bytes in
      let digests = PageHasher.digests(
        of: Array(repeating: bytes.baseAddress!, count: 17), pageLength: bytes.count)
      #expect(digests == Array(repeating: digest, count: 17))
    }
  }

  @Test func aBufferWithoutAddressIsNoBytes() {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    #expect(PageHasher.digest(of: nothing).hexadecimal == Self.golden[0].hexadecimal)
    #expect(PageHasher.isZero(nothing))
    #expect(PageHasher.isEqual(nothing, nothing))
    #expect(PageHasher.digests(of: [], pageLength: 4096) == [])
    #expect(PageHasher.digests(ofWholePagesIn: nothing) == [])
  }

  @Test(arguments: [1, 2, 15, 16, 17, 100, 256, 257, 600]) func pagesSideBySide(count: Int) {
    let bytes = Random(seed: 7).letting { $0.bytes(4096 * count) }
    bytes.withUnsafeBytes { bytes in
      #expect(PageHasher.digests(ofWholePagesIn: bytes) == Reference.pages(Array(bytes)))
      let backwards = (0..<count).reversed().map { bytes.baseAddress! + 4096 * $0 }
      #expect(
        PageHasher.digests(of: backwards, pageLength: 4096)
          == Reference.pages(Array(bytes)).reversed())
      backwards.withUnsafeBufferPointer {
        #expect(
          PageHasher.digests(of: $0, pageLength: 100)
            == backwards.map {
              Digest(bytes: Reference.blake2b(UnsafeRawBufferPointer(start: $0, count: 100)))
            })
      }
    }
  }

  @Test func equalMeansEveryByte() {
    let bytes = Random(seed: 8).letting { $0.bytes(4096) }
    for position in [0, 1, 2048, 4095] {
      var other = bytes
      #expect(
        bytes.withUnsafeBytes { one in other.withUnsafeBytes { PageHasher.isEqual(one, $0) } })
      other[position] ^= 1
      #expect(
        !bytes.withUnsafeBytes { one in other.withUnsafeBytes { PageHasher.isEqual(one, $0) } })
    }
  }

  @Test func refusesPagesThatAreNotWholeOrNotAlike() async {
    await #expect(processExitsWith: .failure) {
      let bytes = [UInt8](repeating: 1, count: 4097)
      _ = bytes.withUnsafeBytes { PageHasher.digests(ofWholePagesIn: $0) }
    }
    await #expect(processExitsWith: .failure) {
      let bytes = [UInt8](repeating: 1, count: 4097)
      _ = bytes.withUnsafeBytes { PageHasher.isEqual($0, .init(rebasing: $0.dropLast())) }
    }
  }
}
