// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

/// Each limit that a peer could overstep: at the limit a message is understood, one past it
/// is refused, and so is the largest number that the field can hold.
@Suite struct WireLimitsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let field: String
    let type: MessageType
    let limit: UInt64
    /// The field's largest number.
    let most: UInt64
    var shape: ImageShape?
    let payload: @Sendable (UInt64) -> PayloadBytes

    var testDescription: String { "\(type.name): \(field)" }
  }

  private static let empty = PayloadBytes()
  private static let u16Most = UInt64(UInt16.max)
  private static let threeSegments = ImageShape(byteCount: (2 << 20) + 1)

  static let texts: [Case] = [
    Case(field: "program", type: .hello, limit: 64, most: u16Most) {
      empty.u16(1).u16(1).u64(0).text(Int($0))
    },
    Case(field: "name", type: .source, limit: 4096, most: u16Most) {
      empty.u64(1).u8(0).text(Int($0)).text(0).u64(0).u64(0)
    },
    Case(field: "machine", type: .source, limit: 128, most: u16Most) {
      empty.u64(1).u8(0).text(0).text(Int($0)).u64(0).u64(0)
    },
    Case(field: "name", type: .target, limit: 4096, most: u16Most) {
      empty.u64(1).u8(0).text(Int($0)).u8(0)
    },
    Case(field: "note", type: .target, limit: 2048, most: u16Most) {
      empty.u64(1).u8(0).text(0).u8(1).text(Int($0))
    },
    Case(field: "suggested name", type: .job, limit: 255, most: u16Most) {
      job(name: empty.text(Int($0)))
    },
    Case(field: "sentence", type: .failure, limit: 2048, most: u16Most) {
      empty.u8(1).text(Int($0)).text(0)
    },
    Case(field: "hint", type: .failure, limit: 2048, most: u16Most) {
      empty.u8(1).text(0).text(Int($0))
    },
    Case(field: "note", type: .note, limit: 2048, most: u16Most) { empty.text(Int($0)) },
  ]

  static let choices: [Case] = [
    Case(field: "operation", type: .job, limit: 5, most: 255) { job(operation: Int($0)) },
    Case(field: "server role", type: .job, limit: 1, most: 255) { job(role: Int($0)) },
    Case(field: "size policy", type: .job, limit: 2, most: 255) { job(policy: Int($0)) },
    Case(field: "compression", type: .job, limit: 19, most: 254) { job(compression: Int($0)) },
    Case(field: "threads", type: .job, limit: 1024, most: u16Most) { job(threads: Int($0)) },
    Case(
      field: "progress interval", type: .job, limit: 3_600_000, most: UInt64(UInt32.max)
    ) { job(interval: Int($0)) },
    Case(field: "kind", type: .source, limit: 1, most: 255) {
      empty.u64(1).u8(Int($0)).text(0).text(0).u64(0).u64(0)
    },
    Case(field: "flags", type: .target, limit: 31, most: 255) {
      empty.u64(1).u8(Int($0)).zeros($0 & 8 == 0 ? 0 : 32).text(0).u8(0)
    },
    Case(field: "notes", type: .target, limit: 16, most: 255) {
      empty.u64(1).u8(0).text(0).u8(Int($0)).zeros(2 * Int($0))
    },
    Case(field: "flags", type: .pass, limit: 7, most: 255) { empty.u16(1).u8(Int($0)) },
    Case(field: "ends a round", type: .probe, limit: 1, most: 255) {
      empty.u8(Int($0)).u16(1).u8(7)
    },
    Case(field: "verified", type: .done, limit: 1, most: 255) { empty.u8(Int($0)).zeros(64) },
    Case(field: "equal", type: .verdict, limit: 1, most: 255) {
      empty.zeros(32).u8(Int($0)).zeros(16)
    },
    Case(field: "run", type: .segments, limit: 0, most: 255) {
      empty.u64(0).u16(1).u8(Int($0)).u64(1)
    },
    Case(field: "packing", type: .data, limit: 1, most: 255) {
      empty.u8(Int($0)).u16(1).u32(41).zeros(41)
    },
  ]

  static let places: [Case] = [
    Case(field: "size", type: .source, limit: 1 << 60, most: .max) {
      empty.u64($0).u8(0).text(0).text(0).u64(0).u64(0)
    },
    Case(field: "size", type: .target, limit: 1 << 60, most: .max) {
      empty.u64($0).u8(0).text(0).u8(0)
    },
    Case(field: "size", type: .digest, limit: 1 << 60, most: .max) { empty.zeros(32).u64($0) },
    Case(field: "position", type: .position, limit: 1 << 40, most: .max) { empty.u64($0) },
    Case(field: "first", type: .zero, limit: (1 << 40) - 1, most: .max) {
      empty.u64($0).u64(1)
    },
    Case(field: "count from 5", type: .zero, limit: (1 << 40) - 5, most: .max) {
      empty.u64(5).u64($0)
    },
    Case(field: "first", type: .segments, limit: (1 << 40) - 1, most: .max) {
      empty.u64($0).u16(1).u8(0).u64(1)
    },
    Case(field: "zero segments", type: .segments, limit: (1 << 40) - 5, most: .max) {
      empty.u64(5).u16(1).u8(0).u64($0)
    },
    Case(field: "second run", type: .segments, limit: (1 << 40) - 7, most: .max) {
      empty.u64(5).u16(2).u8(0).u64(2).u8(0).u64($0)
    },
    Case(field: "digests at the end", type: .segments, limit: 1, most: u16Most) {
      empty.u64((1 << 40) - 1).u16(1).u8(1).u16(Int($0)).zeros(16 * Int($0))
    },
    Case(field: "segment", type: .groups, limit: (1 << 40) - 1, most: .max) {
      empty.u64($0).u16(0)
    },
    Case(field: "segment", type: .differ, limit: (1 << 40) - 1, most: .max) {
      empty.u64($0).u16(0)
    },
    Case(field: "segment", type: .pages, limit: (1 << 40) - 1, most: .max) {
      empty.u64($0).u16(0)
    },
    Case(field: "segment", type: .want, limit: (1 << 40) - 1, most: .max) {
      empty.u64($0).zeros(32)
    },
  ]

  static let placesInAnImage: [Case] = [
    Case(field: "position", type: .position, limit: 3, most: .max, shape: threeSegments) {
      empty.u64($0)
    },
    Case(field: "first", type: .zero, limit: 2, most: .max, shape: threeSegments) {
      empty.u64($0).u64(1)
    },
    Case(field: "count", type: .zero, limit: 3, most: .max, shape: threeSegments) {
      empty.u64(0).u64($0)
    },
    Case(field: "groups", type: .differ, limit: 1, most: u16Most, shape: threeSegments) {
      empty.u64(2).u16(Int($0))
    },
    Case(field: "groups", type: .groups, limit: 1, most: u16Most, shape: threeSegments) {
      empty.u64(2).u16(Int($0)).zeros(16 * UInt16($0).nonzeroBitCount)
    },
    Case(field: "groups", type: .pages, limit: 1, most: u16Most, shape: threeSegments) {
      empty.u64(2).u16(Int($0)).zeros(2 * UInt16($0).nonzeroBitCount)
    },
    Case(field: "pages", type: .pages, limit: 1, most: u16Most, shape: threeSegments) {
      empty.u64(2).u16(1).u16(Int($0)).zeros(8 * UInt16($0).nonzeroBitCount)
    },
    Case(field: "pages", type: .want, limit: 1, most: .max, shape: threeSegments) {
      empty.u64(2).u64($0).zeros(24)
    },
  ]

  static let counts: [Case] = [
    Case(field: "strands", type: .strands, limit: 15, most: 255) { empty.u8(Int($0)) },
    Case(field: "strand", type: .joined, limit: 15, most: 255) { empty.u8(Int($0)) },
    Case(field: "strand", type: .leave, limit: 15, most: 255) { empty.u8(Int($0)) },
    Case(field: "strand", type: .arrived, limit: 15, most: 255) {
      empty.u8(Int($0)).u64(1).u8(0)
    },
    Case(field: "filler", type: .probe, limit: 16384, most: u16Most) {
      empty.u8(0).u16(Int($0)).zeros(Int($0))
    },
    Case(field: "runs", type: .segments, limit: 1024, most: u16Most) { count in
      (0..<count).reduce(empty.u64(0).u16(Int(count))) { before, _ in before.u8(0).u64(1) }
    },
    Case(field: "digests", type: .segments, limit: 2048, most: u16Most) {
      empty.u64(0).u16(1).u8(1).u16(Int($0)).zeros(16 * Int($0))
    },
    Case(field: "digests of two runs", type: .segments, limit: 48, most: u16Most) {
      empty.u64(0).u16(2).u8(1).u16(2000).zeros(16 * 2000).u8(1).u16(Int($0))
        .zeros(16 * Int($0))
    },
    Case(field: "entries", type: .data, limit: 256, most: u16Most) {
      empty.u8(0).u16(Int($0)).u32(40 * Int($0) + 1).zeros(40 * Int($0) + 1)
    },
    Case(
      field: "page bytes", type: .data, limit: (1 << 20) + 40, most: UInt64(UInt32.max)
    ) {
      empty.u8(0).u16(1).u32(Int($0)).zeros(Int(min($0, (1 << 20) + 41)))
    },
    Case(
      field: "compressed page bytes", type: .data, limit: (1 << 20) + 40,
      most: UInt64(UInt32.max)
    ) {
      empty.u8(1).u16(1).u32(Int($0)).zeros(9)
    },
    Case(field: "compressed body", type: .data, limit: 100, most: 200) {
      empty.u8(1).u16(1).u32(100).zeros(Int($0))
    },
  ]

  @Test(arguments: texts + choices + places + placesInAnImage + counts)
  func heldExactly(_ example: Case) throws {
    let atLimit = Frame(type: example.type, payload: example.payload(example.limit).bytes)
    #expect(throws: Never.self) { try Message(atLimit, shape: example.shape) }
    for number in [example.limit + 1, example.most] {
      let past = Frame(type: example.type, payload: example.payload(number).bytes)
      let error = #expect(throws: WireError.self, "\(number)") {
        try Message(past, shape: example.shape)
      }
      #expect(error?.message == example.type.name)
    }
  }

  /// What must not be zero.
  static let atLeastOne: [Case] = [
    Case(field: "count", type: .zero, limit: 1, most: 1) { empty.u64(0).u64($0) },
    Case(field: "runs", type: .segments, limit: 1, most: 1) {
      empty.u64(0).u16(Int($0)).raw($0 == 0 ? [] : [0, 1, 0, 0, 0, 0, 0, 0, 0])
    },
    Case(field: "zero segments", type: .segments, limit: 1, most: 1) {
      empty.u64(0).u16(1).u8(0).u64($0)
    },
    Case(field: "digests", type: .segments, limit: 1, most: 1) {
      empty.u64(0).u16(1).u8(1).u16(Int($0)).zeros(16 * Int($0))
    },
    Case(field: "pass", type: .pass, limit: 1, most: 1) { empty.u16(Int($0)).u8(0) },
    Case(field: "exit status", type: .failure, limit: 1, most: 1) {
      empty.u8(Int($0)).text(0).text(0)
    },
    Case(field: "filler", type: .probe, limit: 1, most: 1) {
      empty.u8(0).u16(Int($0)).zeros(Int($0))
    },
    Case(field: "entries", type: .data, limit: 1, most: 1) {
      empty.u8(0).u16(Int($0)).u32(40 * Int($0) + 1).zeros(40 * Int($0) + 1)
    },
    Case(field: "page bytes", type: .data, limit: 1, most: 1) {
      empty.u8(0).u16(1).u32(40 + Int($0)).zeros(40 + Int($0))
    },
    Case(field: "body", type: .data, limit: 1, most: 1) {
      empty.u8(1).u16(1).u32(41).zeros(Int($0))
    },
  ]

  @Test(arguments: atLeastOne)
  func noneIsRefused(_ example: Case) throws {
    _ = try Message(Frame(type: example.type, payload: example.payload(1).bytes))
    #expect(throws: WireError.self) {
      try Message(Frame(type: example.type, payload: example.payload(0).bytes))
    }
  }

  @Test func anImageWithoutBytesHasNoSegment() {
    let shape = ImageShape(byteCount: 0)
    for example in WireLimitsTests.places where example.field != "size" {
      let frame = Frame(type: example.type, payload: example.payload(0).bytes)
      if case .position = example.type {
        #expect(throws: Never.self) { try Message(frame, shape: shape) }
      } else {
        #expect(throws: WireError.self) { try Message(frame, shape: shape) }
      }
    }
  }

  @Test func frameLimitHoldsForEveryMessage() {
    let largest = MessageType.allCases.map(\.payloadByteCountLimit).max()
    #expect(largest == MessageType.data.payloadByteCountLimit)
    #expect(largest! <= WireLimits.payloadByteCount)
    #expect(WireLimits.segmentCount == Int(WireLimits.imageByteCount / (1 << 20)))
  }

  private static func job(
    operation: Int = 0, role: Int = 0, flags: Int = 0, policy: Int = 0, threads: Int = 0,
    compression: Int = 0, name: PayloadBytes = PayloadBytes().u16(0), interval: Int = 0
  ) -> PayloadBytes {
    empty.u8(operation).u8(role).u8(flags).u8(policy).u16(threads).u64(.max).u8(compression)
      .u64(.max).raw(name.bytes).u32(interval).u16(64).u8(0).u8(0).u8(0)
  }
}
