// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

extension ImageFile {
  /// A file of pages of every kind: holes, zeros that take space, pages that are like no other,
  /// and pages that are alike.
  static func mixed(
    in scratch: Scratch, named name: String, pageCount: UInt64, tail: UInt64 = 0,
    using random: inout Random
  ) throws -> ImageFile {
    let image = try make(in: scratch, named: name, byteCount: pageCount * 4096 + tail)
    var page: UInt64 = 0
    while page < pageCount {
      let count = min(random.number(1..<64), pageCount - page)
      if !random.chance(25) { try image.change(page..<page + count, using: &random) }
      page += count
    }
    return image
  }

  /// Gives so many runs of pages another content, and sometimes digs a hole.
  func changeAtRandom(runCount: Int, using random: inout Random) throws {
    let pageCount = try byteCount / 4096
    for _ in 0..<runCount {
      let first = random.number(0..<pageCount)
      let count = min(random.one(of: [1, 1, 1, 5, 100]), pageCount - first)
      try change(first..<first + count, using: &random)
    }
    if random.chance(20) {
      let offset = random.number(0..<pageCount) * 4096
      let count = random.one(of: [1, 16, 300]) * 4096
      try Command.succeed(
        "fallocate", "--punch-hole", "--offset", "\(offset)", "--length", "\(count)", path)
    }
  }

  private func change(_ pages: Range<UInt64>, using random: inout Random) throws {
    let range = pages.lowerBound * 4096..<pages.upperBound * 4096
    switch random.one(of: [0, 1, 1, 1, 2]) {
    case 0: try write(Data(count: range.count), at: range.lowerBound)
    case 1: try fill(range, with: Pattern(seed: random.next()))
    // One of sixty-four pages that are the same in all images.
    default: try fill(range, with: Pattern(seed: 0), from: random.number(0..<64))
    }
  }

  var exists: Bool { access(path, F_OK) == 0 }

  func isEqual(to other: ImageFile) throws -> Bool {
    try firstDifference(from: other) == nil
  }
}
