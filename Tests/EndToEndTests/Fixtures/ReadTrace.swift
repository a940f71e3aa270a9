// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How much of a file a program reads, as the kernel tells it: strace writes down every call that
/// can read, and here they are added up.
struct ReadTrace {
  private let directory: String

  init(in scratch: Scratch) {
    directory = scratch.newPath("trace")
    try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  /// The words that go before those of the program. Each thread has a file of its own, so that
  /// every call stands on one line.
  var words: [String] {
    [
      "strace", "-ff", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-o", directory + "/thread", "-e",
      "trace=\((Self.reading + Self.mapping).joined(separator: ","))", "--",
    ]
  }

  private static let reading = [
    "read", "pread64", "readv", "preadv", "preadv2", "copy_file_range", "sendfile", "splice",
  ]
  private static let mapping = ["mmap", "io_uring_setup"]

  /// All that was read of the file, again and again if it was.
  func byteCount(of image: ImageFile) throws -> UInt64 {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory)
    guard !names.isEmpty else { throw FixtureError("nothing was traced in \(directory)") }
    var total: UInt64 = 0
    for name in names {
      let text = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
      for line in text.split(separator: "\n") {
        let isMapped = Self.mapping.contains { line.hasPrefix($0) }
        guard line.contains("<\(image.path)>") || line.hasPrefix("io_uring") else { continue }
        if isMapped { throw FixtureError("what is read that way is not seen: \(line)") }
        let result = line.split(separator: "=").last?.split(separator: " ").first
        total += result.flatMap { UInt64($0) } ?? 0
      }
    }
    return total
  }
}
