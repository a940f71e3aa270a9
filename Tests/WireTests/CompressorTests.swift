// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

/// Contents of disks, and whether compressing them is worth it.
@Suite struct CompressorTests {
  enum Content: CaseIterable, Sendable {
    case random, zero, text, randomWithTextInTheMiddle, textWithRandomInTheMiddle

    func bytes(_ count: Int, _ bits: inout RandomBits) -> [UInt8] {
      let words = ["disk ", "image ", "moves ", "by ", "content\n"]
      func text(_ count: Int) -> [UInt8] {
        var text: [UInt8] = []
        while text.count < count { text += Array(words.randomElement(using: &bits)!.utf8) }
        return Array(text.prefix(count))
      }
      func mixed(_ middle: [UInt8], in around: [UInt8]) -> [UInt8] {
        var result = around
        let start = (around.count - middle.count) / 2
        result.replaceSubrange(start..<start + middle.count, with: middle)
        return result
      }
      switch self {
      case .random: return bits.bytes(count)
      case .zero: return [UInt8](repeating: 0, count: count)
      case .text: return text(count)
      case .randomWithTextInTheMiddle: return mixed(text(count / 64), in: bits.bytes(count))
      case .textWithRandomInTheMiddle: return mixed(bits.bytes(count / 4), in: text(count))
      }
    }

    /// Of a content that is large enough to be sampled.
    var isWorthIt: Bool { self == .zero || self == .text }
  }

  @Test(arguments: Content.allCases)
  func onlyWhatShrinksIsCompressed(_ content: Content) {
    var bits = TestSeed.bits()
    let compressor = Compressor()
    for level in [1, 3, -10, 19] {
      let bytes = content.bytes(1 << 20, &bits)
      var output: [UInt8] = [1, 2, 3]
      let isSmaller = compressor.append(bytes, from: 0, level: level, to: &output)
      #expect(isSmaller == content.isWorthIt)
      #expect(output.starts(with: [1, 2, 3]))
      if isSmaller {
        #expect(output.count - 3 <= bytes.count - bytes.count / 16)
      } else {
        #expect(output.count == 3)
      }
    }
  }

  @Test(arguments: [0, 1, 2, 15, 16, 17, 4096, 8192, 8193, 100_000])
  func everySizeIsTakenFromItsStart(byteCount: Int) throws {
    let bytes = [9, 8, 7] + [UInt8](repeating: 5, count: byteCount)
    var output: [UInt8] = []
    if Compressor().append(bytes, from: 3, level: 1, to: &output) {
      #expect(output.count <= byteCount - byteCount / 16)
      #expect(byteCount > 16)
    } else {
      #expect(output.isEmpty)
      #expect(byteCount <= 17)
    }
  }

  @Test func aSixteenthIsTheLeastGain() {
    // Random bytes with a tail that shrinks to nothing: the gain is about the tail's length.
    var bits = TestSeed.bits()
    let compressor = Compressor()
    for (tail, isWorthIt) in [(200, false), (8000 / 16 + 100, true)] {
      let bytes = bits.bytes(8000 - tail) + [UInt8](repeating: 0, count: tail)
      var output: [UInt8] = []
      #expect(compressor.append(bytes, from: 0, level: 3, to: &output) == isWorthIt)
    }
  }
}
