// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What the server's end finds out after it has described its image is shown to the user as well.
@Suite(.endsInTime) struct NotesReachTheUser {
  private let scratch = Scratch()
  private let byteCount: UInt64 = 24 << 20

  /// Nothing is checked beforehand: that somebody wrote to the target is seen when a group is
  /// read that the source has changed too.
  @Test(.needs(.loopDevices), arguments: Direction.remote)
  func driftThatIsNoticedInAPassIsSaid(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, byteCount: byteCount, seed: 1)
    let backing = try ImageFile.make(in: scratch, byteCount: byteCount)
    let device = try LoopDevice(over: backing.path)
    var mover = try Blkmove(direction).withMarksOfItsOwn(in: scratch)
    expectDone(try mover.copy(image.path, device.path))

    try image.fill(8 << 20..<(8 << 20) + 4096, with: Pattern(seed: 5))
    let drift: UInt64 = (8 << 20) + 8192
    try ImageFile(device.path).fill(drift..<drift + 4096, with: Pattern(seed: 9))
    mover.options = ["--trust-target", "--spot-checks=0"]
    let run = try mover.copy(image.path, device.path)
    expectDone(run)
    #expect(
      run.outcome.error.contains("WARNING: \(device.path) was changed behind its manifest"),
      "\(run)")
    if direction == .push {
      #expect(run.outcome.error.contains("blkmove: note: backup: WARNING"), "\(run)")
    }
    #expect(try image.firstDifference(from: ImageFile(device.path), byteCount: byteCount) == nil)
  }

  /// The source's end is the server, and cannot keep its manifest.
  @Test func whatASourceCannotRememberIsSaid() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 2 << 20, seed: 1)
    let far = try FarEnd(in: scratch, before: "export BLKMOVE_STATE_DIR=/dev/null/state")
    var mover = Blkmove(.pull)
    mover.remotePath = far.command
    let run = try mover.copy(image.path, scratch.path("copy.img"))
    expectDone(run)
    let note = "blkmove: note: backup: no manifest is kept of \(image.path)"
    #expect(run.outcome.error.contains(note), "\(run)")
  }
}
