// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A run that is killed half-way, and the one that goes on, cost together hardly more than one that
/// nobody killed.
@Suite(.endsInTime) struct NothingIsSentTwice {
  private let scratch = Scratch()
  private static let byteCount: UInt64 = 256 << 20

  struct Case: Sendable, CustomTestStringConvertible {
    var direction: Direction
    var isInPlace: Bool
    var killsFarEnd: Bool

    var testDescription: String {
      "\(direction), \(killsFarEnd ? "far" : "near") end, \(isInPlace ? "in place" : "new file")"
    }

    static let all = [
      Case(direction: .push, isInPlace: false, killsFarEnd: true),
      Case(direction: .push, isInPlace: true, killsFarEnd: false),
      Case(direction: .pull, isInPlace: false, killsFarEnd: false),
      Case(direction: .pull, isInPlace: true, killsFarEnd: true),
    ]
  }

  @Test(arguments: Case.all)
  func killedHalfWay(_ test: Case) throws {
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    let target = ImageFile(scratch.path("copy.img"))
    if test.isInPlace {
      _ = try ImageFile.full(in: scratch, named: "copy.img", byteCount: Self.byteCount, seed: 2)
    }
    let farEnd = try FarEnd(in: scratch)
    // A line that is slower than both ends, as lines are: else what waits behind it counts too.
    var mover = Blkmove(test.direction, "--connections=1", "--compress=none", "--bwlimit=96M")
    mover.remotePath = farEnd.command
    mover.isMetered = true
    mover.event = (
      Self.byteCount / 2,
      test.killsFarEnd ? .kill(pidFile: farEnd.pidFile) : .killParent
    )
    let killed = try mover.copy(image.path, target.path)
    #expect(killed.status != 0, "\(killed)")
    #expect(farEnd.isGone())
    mover.event = nil
    mover.options.removeLast()
    let again = try mover.copy(image.path, target.path)
    expectDone(again)
    try expectEqual(target, image)
    // At the source's end: what it has said, whether or not it has arrived.
    let both = [killed, again].reduce(0) {
      $0 + (test.direction == .push ? $1.wire.wire : $1.far!.wire)
    }
    print("NothingIsSentTwice: \(test.testDescription): \(both) of \(Self.byteCount) bytes")
    #expect(both <= Self.byteCount + Self.byteCount / 50, "\(killed) \(again)")
    #expect(killed.wire.wire > Self.byteCount * 4 / 10, "it was not half-way: \(killed)")
  }
}
