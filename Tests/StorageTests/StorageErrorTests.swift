// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Storage

@Suite struct StorageErrorTests {
  struct Case: Sendable {
    var error: StorageError
    var description: String
  }

  static let cases = [
    Case(
      error: StorageError(
        .system(ENOSPC), object: "/dev/vdb", operation: "write", offset: 4 << 30,
        byteCount: 1 << 20),
      description: "/dev/vdb: write 1 MiB at 4 GiB: No space left on device"),
    Case(
      error: StorageError(.system(EIO), object: "a", operation: "flush"),
      description: "a: flush: Input/output error"),
    Case(
      error: StorageError(
        .system(EIO), object: "a", operation: "read", offset: (4 << 30) + 512, byteCount: 513),
      description: "a: read 513 bytes at byte 4294967808: Input/output error"),
    Case(
      error: StorageError(.refused(.mounted), object: "/dev/vdb", sentence: "is mounted at /"),
      description: "/dev/vdb: is mounted at /"),
    Case(
      error: StorageError(.shrank, object: "a"), description: "a: became smaller during the run"),
    Case(error: StorageError(.outside, object: "a"), description: "a: is outside of the image"),
    Case(error: StorageError(.unsuitable, object: "a"), description: "a: is no disk image"),
    Case(error: StorageError(.refused(.swap), object: "a"), description: "a: refused: swap"),
    Case(
      error: StorageError(.system(99_999), object: "a", operation: "open"),
      description: "a: open: Unknown error 99999"),
  ]

  @Test(arguments: cases) func isRendered(_ test: Case) {
    #expect(test.error.description == test.description)
  }

  @Test func onlyRefusalsAreRefusals() {
    #expect(StorageError(.refused(.mounted), object: "").isRefusal)
    for kind in [StorageError.Kind.system(EBUSY), .unsuitable, .shrank, .outside] {
      #expect(!StorageError(kind, object: "").isRefusal)
    }
    #expect(StorageError(.system(EBUSY), object: "").errorNumber == EBUSY)
    #expect(StorageError(.shrank, object: "").errorNumber == nil)
  }

  @Test func amountsAreExactAndShort() {
    let amounts: [(UInt64, String)] = [
      (0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (1024, "1 KiB"),
      (1025, "1025 bytes"), (1536, "1536 bytes"), (3 << 19, "1536 KiB"), (1 << 20, "1 MiB"),
      (5 << 30, "5 GiB"), (8 << 40, "8 TiB"), (1 << 50, "1 PiB"), (1 << 60, "1 EiB"),
      (.max, "18446744073709551615 bytes"),
    ]
    for (number, text) in amounts { #expect(ByteText.amount(number) == text) }
    #expect(ByteText.position(0) == "0" && ByteText.position(7) == "byte 7")
    #expect(ByteText.position(1 << 63) == "8 EiB")
  }
}
