// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// Many threads at one image: what the scanning and writing threads of a run do.
@Suite(.timeLimit(.minutes(1))) struct ConcurrencyTests {
  static let segment: UInt64 = 64 << 10
  static let segmentCount = 64

  @Test(arguments: LoopDevice.isPossible ? [false, true] : [false])
  func threadsWorkOnDifferentRanges(_ isDevice: Bool) throws {
    let scratch = Scratch()
    let size = Self.segment * UInt64(Self.segmentCount)
    let device = isDevice ? try LoopDevice(scratch, byteCount: size) : nil
    let path = device?.path ?? scratch.write(pattern(Int(size)), to: "a")
    let request = TargetRequest(path: path, suggestedName: "", sourceByteCount: size)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
    DispatchQueue.concurrentPerform(iterations: Self.segmentCount) { index in
      let start = UInt64(index) * Self.segment
      let range = start..<start + Self.segment
      let content = pattern(Int(Self.segment), seed: UInt64(index + 1))
      do {
        if index % 3 == 0 {
          try target.zero(range)
          #expect(try target.bytes(range).allSatisfy { $0 == 0 })
        } else {
          try target.write(content, at: start)
          #expect(try target.bytes(range) == content)
        }
        _ = try target.extent(at: start)
      } catch {
        Issue.record(error)
      }
    }
    try target.synchronize()
    DispatchQueue.concurrentPerform(iterations: Self.segmentCount) { index in
      let start = UInt64(index) * Self.segment
      var bytes = [UInt8](repeating: 1, count: Int(Self.segment))
      bytes.withUnsafeMutableBytes { space in
        #expect(throws: Never.self) { try target.readPastCache(into: space, at: start) }
      }
      let expected =
        index % 3 == 0
        ? [UInt8](repeating: 0, count: bytes.count)
        : pattern(Int(Self.segment), seed: UInt64(index + 1))
      #expect(bytes == expected)
    }
    try target.complete()
    #expect(scratch.unfinishedMarks == [])
  }
}
