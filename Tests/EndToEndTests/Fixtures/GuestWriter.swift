// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the program in a guest does: numbered blocks to files of a fixed number of slots, one file
/// on each disk, each burst flushed and then acknowledged. See `Tests/tools/guest/writer.c`.
struct GuestWriter: Sendable {
  /// Blocks of 4 KiB in the file of each disk.
  var slotCount = 2048
  /// So many of the slots get 15 of 16 writes.
  var hotSlotCount = 0
  /// Blocks a second, of all disks together; 0 is as fast as they go.
  var rate = 0
  /// Blocks between two flushes.
  var burst = 1
  /// Milliseconds between signs of life while there is nothing to write.
  var pulseMilliseconds = 0
  /// It mounts its disks and writes nothing.
  var isIdle = false

  /// What the writer is told, and the check of what it wrote.
  var words: [String] {
    [
      "slots=\(slotCount)", "hot=\(hotSlotCount)", "rate=\(rate)", "burst=\(burst)",
      "pulse=\(pulseMilliseconds)",
    ]
  }

  /// The same as words of a kernel's command line.
  func kernelWords(diskCount: Int) -> [String] {
    ["guest.disks=\(diskCount)", "guest.mode=\(isIdle ? "idle" : "write")"]
      + words.map { "guest.\($0)" }
  }

  /// Looks whether disks, in the order in which the guest saw them, hold everything up to a number
  /// and are of one moment. Replays their journals. A disk in another format than raw is looked at
  /// in a raw copy.
  func check(
    _ disks: [GuestDisk], acknowledged: UInt64, in scratch: Scratch
  ) throws -> GuestCheck {
    let raw = try disks.map { disk -> String in
      guard disk.format != .raw else { return disk.path }
      let copy = scratch.newPath("raw")
      try Command.succeed(
        "qemu-img", "convert", "-f", disk.format.rawValue, "-O", "raw", disk.path, copy)
      return copy
    }
    let tool = [Tool.script("check-guest"), try GuestParts.shared.get().writer]
    return GuestCheck(
      outcome: try Command(tool + ["\(acknowledged)"] + words + raw).run())
  }
}
