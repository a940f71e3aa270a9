// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Testing
import Wire

/// What every message has in common: its bytes are those of the golden files, and no other
/// bytes are taken for it.
@Suite struct MessageTests {
  /// Cuts the one frame out of its bytes.
  static func frame(_ bytes: [UInt8]) throws -> Frame? {
    var parser = FrameParser(awaitsMagic: false)
    bytes.withUnsafeBytes { parser.append($0) }
    let frame = try parser.next()
    if frame != nil { try parser.finish() }
    return frame
  }

  @Test(arguments: GoldenMessage.all)
  func bytesAreGolden(_ golden: GoldenMessage) throws {
    if getenv("BLKMOVE_WRITE_GOLDEN") != nil { try golden.store(golden.message.encoded()) }
    let bytes = try golden.storedBytes()
    if golden.isExact { #expect(golden.message.encoded() == bytes) }
    let frame = try #require(try MessageTests.frame(bytes))
    let message = try Message(frame, width: golden.width, shape: golden.shape)
    if golden.isExact { #expect(message == golden.message) }
    #expect(message.type == golden.message.type)
    #expect(message.encoded() == bytes)
  }

  @Test func everyMessageTypeIsGolden() {
    #expect(Set(GoldenMessage.all.map(\.message.type)) == Set(MessageType.allCases))
  }

  @Test(arguments: GoldenMessage.all)
  func aShorterPayloadIsRefused(_ golden: GoldenMessage) throws {
    let payload = try #require(try MessageTests.frame(golden.storedBytes())).payload
    for count in payload.indices {
      let frame = Frame(type: golden.message.type, payload: Array(payload[..<count]))
      #expect(throws: WireError.self, "\(count) of \(payload.count) bytes") {
        let message = try Message(frame, width: golden.width, shape: golden.shape)
        // A compressed body is judged when it is opened.
        if case .data(let batch) = message {
          _ = try batch.content(shape: GoldenMessage.shape, using: Decompressor())
        }
      }
    }
  }

  @Test(arguments: GoldenMessage.all)
  func aCutStreamIsRefused(_ golden: GoldenMessage) throws {
    let bytes = WireLimits.magic + (try golden.storedBytes())
    for count in bytes.indices where count != WireLimits.magic.count {
      var parser = FrameParser()
      bytes[..<count].withUnsafeBytes { parser.append($0) }
      #expect(try parser.next() == nil)
      let error = #expect(throws: WireError.self) { try parser.finish() }
      #expect(error?.kind == .endOfStream)
    }
  }

  @Test(arguments: GoldenMessage.all)
  func aLongerPayloadIsRefused(_ golden: GoldenMessage) throws {
    let payload = try #require(try MessageTests.frame(golden.storedBytes())).payload
    let frame = Frame(type: golden.message.type, payload: payload + [0])
    if case .hello = golden.message {
      #expect(try Message(frame) == golden.message)
      return
    }
    #expect(throws: WireError.self) {
      let message = try Message(frame, width: golden.width, shape: golden.shape)
      if case .data(let batch) = message {
        _ = try batch.content(shape: GoldenMessage.shape, using: Decompressor())
      }
    }
  }

  /// Whatever a byte becomes, there is a message or an error, and what is understood can be
  /// said again.
  @Test(.timeLimit(.minutes(1)), arguments: GoldenMessage.all)
  func noByteTraps(_ golden: GoldenMessage) throws {
    let decompressor = Decompressor()
    let frame = try #require(try MessageTests.frame(golden.storedBytes()))
    var payload = frame.payload
    for index in payload.indices {
      let before = payload[index]
      for flip in 1...255 as ClosedRange<UInt8> {
        payload[index] = before ^ flip
        let mutant = Frame(type: frame.type, payload: payload)
        for width in DigestWidth.allCases {
          // What is not meant for this width is only sampled.
          if width != golden.width && flip.nonzeroBitCount != 1 { continue }
          for shape in [nil, GoldenMessage.shape] {
            guard let message = try? Message(mutant, width: width, shape: shape) else { continue }
            _ = message.encoded()
            guard case .data(let batch) = message else { continue }
            _ = try? batch.content(shape: GoldenMessage.shape, using: decompressor)
          }
        }
      }
      payload[index] = before
    }
  }

  /// The header too.
  @Test(arguments: GoldenMessage.all)
  func noHeaderByteTraps(_ golden: GoldenMessage) throws {
    var bytes = try golden.storedBytes()
    for index in 0..<WireLimits.frameHeaderByteCount {
      let before = bytes[index]
      for flip in 1...255 as ClosedRange<UInt8> {
        bytes[index] = before ^ flip
        guard let frame = try? MessageTests.frame(bytes) else { continue }
        for width in DigestWidth.allCases { _ = try? Message(frame, width: width) }
      }
      bytes[index] = before
    }
  }

  @Test(arguments: MessageType.allCases)
  func randomBytesDoNotTrap(_ type: MessageType) {
    var bits = TestSeed.bits()
    let decompressor = Decompressor()
    for _ in 0..<300 {
      var payload = bits.bytes(bits.below(400))
      // Small numbers come further than random ones.
      for index in payload.indices where bits.below(3) > 0 { payload[index] &= 3 }
      let frame = Frame(type: type, payload: payload)
      for width in DigestWidth.allCases {
        for shape in [nil, GoldenMessage.shape] {
          guard case .data(let batch) = try? Message(frame, width: width, shape: shape) else {
            continue
          }
          _ = try? batch.content(shape: GoldenMessage.shape, using: decompressor)
        }
      }
    }
  }

  @Test(arguments: DigestWidth.allCases)
  func randomMessagesComeBack(width: DigestWidth) throws {
    var bits = TestSeed.bits()
    for _ in 0..<20 {
      for type in MessageType.allCases {
        let shape = ImageShape(byteCount: bits.next() >> (4 + UInt64(bits.below(40))))
        guard shape.segmentCount > 0 else { continue }
        var random = RandomMessage(bits: bits, width: width, shape: shape)
        let message = random.message(type)
        bits = random.bits
        let bytes = message.encoded()
        let frame = try #require(try MessageTests.frame(bytes))
        #expect(frame.type == type)
        let found = try Message(frame, width: width, shape: shape)
        #expect(found == message)
        #expect(found.encoded() == bytes)
      }
    }
  }
}
