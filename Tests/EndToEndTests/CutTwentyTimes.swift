// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The line is cut again and again, and the run goes on by itself: what is sent again is what was
/// on the line.
@Suite(.endsInTime) struct CutTwentyTimes {
  private let scratch = Scratch()
  private static let cutCount = 20
  private static let byteCount: UInt64 = 80 << 20
  /// What one cut may cost: the two mebibytes that ssh lets be on the way, the mebibyte of which a
  /// part has arrived, and what the pipes before and behind ssh hold.
  private static let windowByteCount: UInt64 = (2 << 20) + (1 << 20) + (1 << 20)

  /// Both directions at once: most of the time they wait to try again.
  @Test func eachCutCostsAWindow() throws {
    var random = Random(for: "CutTwentyTimes")
    let image = try ImageFile.full(in: scratch, byteCount: Self.byteCount, seed: 1)
    var runs: [Run] = []
    for direction in Direction.remote {
      // More than is lost each time, and in all less than there is.
      let cuts = (0..<Self.cutCount).map { _ in random.number(5 << 19..<7 << 19) }
      runs.append(try Run(direction, of: image, cuts: cuts))
    }
    for run in runs {
      let outcome = run.running.wait()
      #expect(outcome.status == 0, "\(run.direction), \(random): \(outcome)")
      try expectEqual(run.target, image)
      #expect(run.calls.count == Self.cutCount + 1, "\(run.direction), \(random): \(outcome)")
      let again = run.said.reduce(0, +) - Self.byteCount
      let each = again / UInt64(Self.cutCount)
      print("CutTwentyTimes: \(run.direction): \(each) bytes sent again for a cut")
      #expect(each <= Self.windowByteCount, "\(run.direction), \(random): \(run.said) \(outcome)")
    }
  }
}

/// One direction, in a directory of its own.
private struct Run {
  let direction: Direction
  let scratch = Scratch()
  let calls: RemoteCalls
  let target: ImageFile
  let running: RunningCommand

  init(_ direction: Direction, of image: ImageFile, cuts: [UInt64]) throws {
    self.direction = direction
    calls = RemoteCalls(in: scratch)
    target = ImageFile(scratch.path("copy.img"))
    let shell = try calls.shell(cuts: cuts)
    let server = try calls.server()
    let mover = Blkmove(direction)
    var command = Command(
      Blkmove.binary, "--connections=1", "--retry=3", "--compress=none", "-e", "'\(shell)'",
      "--remote-path", server,
      mover.place(image.path, isSource: true), mover.place(target.path, isSource: false))
    command.timeoutSeconds = 150
    running = try command.start()
  }

  /// At the source's end, call by call: what it has said, whether or not it has arrived.
  var said: [UInt64] {
    (1...calls.count).map {
      direction == .push ? calls.metered($0).sent : calls.served($0).received
    }
  }
}
