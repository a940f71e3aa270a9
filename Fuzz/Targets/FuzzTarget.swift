// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A decoder that libFuzzer feeds. To fuzz another one: write its function in a file of its
/// own, add a line to `all`, and if it helps, seeds in `Fuzz/seeds/NAME/`.
///
/// A target must do nothing but decode, and trap where a promise is broken.
struct FuzzTarget: Sendable {
  let name: String
  let feed: @Sendable ([UInt8]) -> Void

  static let all = [
    FuzzTarget(name: "frames", feed: fuzzFrames),
    FuzzTarget(name: "batch", feed: fuzzBatch),
    FuzzTarget(name: "streams", feed: fuzzStreams),
    FuzzTarget(name: "words", feed: fuzzWords),
    FuzzTarget(name: "location", feed: fuzzLocation),
    FuzzTarget(name: "export", feed: fuzzExport),
    FuzzTarget(name: "json", feed: fuzzJSON),
    FuzzTarget(name: "trace", feed: fuzzTrace),
    FuzzTarget(name: "swap", feed: fuzzSwap),
    FuzzTarget(name: "guardian", feed: fuzzGuardian),
  ]

  /// The one that the environment names: libFuzzer has the command line for itself. With
  /// `list` their names are printed.
  static let chosen: FuzzTarget = {
    let name = unsafe getenv("BLKMOVE_FUZZ_TARGET").map { unsafe String(cString: $0) } ?? ""
    if let target = all.first(where: { $0.name == name }) { return target }
    let names = all.map(\.name).joined(separator: " ")
    print(name == "list" ? names : "BLKMOVE_FUZZ_TARGET is none of: \(names)")
    // libFuzzer takes an ordinary exit for a crash.
    _ = fflush(nil)
    _exit(name == "list" ? 0 : 2)
  }()
}

/// What libFuzzer calls for each input.
@c(LLVMFuzzerTestOneInput)
func testOneInput(_ start: UnsafePointer<UInt8>?, _ byteCount: Int) -> Int32 {
  FuzzTarget.chosen.feed(unsafe Array(UnsafeBufferPointer(start: start, count: byteCount)))
  return 0
}
