// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// An ext4 on a loop device whose power can be cut: what was not on the device at that moment
/// is gone, and what comes up again is what the journal makes of it.
final class PoweredDisk {
  private let backing: String
  private var device: LoopDevice?
  private var mounted: MountedFileSystem?

  init(byteCount: UInt64, in scratch: Scratch) throws {
    backing = try ImageFile.make(in: scratch, byteCount: byteCount).path
    let device = try LoopDevice(over: backing)
    self.device = device
    mounted = try MountedFileSystem(on: device)
  }

  func path(_ name: String) -> String { mounted!.path(name) }

  /// Everything that is on it now is on stable storage.
  func synchronize() throws { try Command.succeed("sync", "-f", mounted!.path) }

  /// From now on all that uses it fails.
  func cut(afterJournal: Bool) throws {
    var words = [Tool.script("cut-power"), mounted!.path]
    if afterJournal { words.append("after-journal") }
    let outcome = try Command(words).run()
    guard outcome.status == 0 else { throw FixtureError("\(outcome)") }
  }

  /// Comes up again, under another path. Whoever uses it has to go first.
  func restart() throws {
    let deadline = Date() + 15
    while try Command("umount", mounted!.path).run().status != 0 {
      guard Date() < deadline else { throw FixtureError("\(mounted!.path) stays in use") }
      usleep(50_000)
    }
    mounted = nil
    device = nil
    let next = try LoopDevice(over: backing)
    device = next
    mounted = try MountedFileSystem(on: next, makesFileSystem: false)
  }
}
