// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A file system on this machine that is written to all the time, in an image that is to be moved:
/// what `--live` moves with commands that pause and resume the writer.
final class WrittenPlace {
  /// The image: a loop device, or the file that is behind one.
  let image: String
  let writer: HostWriter
  let mount: MountedFileSystem
  private let below: MountedFileSystem?
  private let duty: Int

  /// In a file of a file system of that kind, or of the one of the tests' own files. Whoever moves
  /// it names the device or the file behind it.
  init(
    on kind: MountedFileSystem.Kind? = nil, isDevice: Bool, pattern: GuestWriter,
    in scratch: Scratch
  ) throws {
    below = try kind.map { try MountedFileSystem(clonable: $0, in: scratch) }
    var disk = try GuestDisk.make(
      in: scratch, named: "web.img", mebibytes: 64, filler: 8, writer: pattern)
    if let below {
      try Command.succeed("cp", "--sparse=always", disk.path, below.path("web.img"))
      disk.path = below.path("web.img")
    }
    let device = try LoopDevice(over: disk.path)
    mount = try MountedFileSystem(on: device, makesFileSystem: false)
    image = isDevice ? device.path : disk.path
    // A frozen file system cannot be unmounted.
    duty = Janitor.shared.atEnd("fsfreeze -u '\(mount.path)'")
    writer = try HostWriter(pattern, to: mount.path, in: scratch)
    try writer.waitForMore(20)
  }

  deinit {
    _ = try? Command("fsfreeze", "-u", mount.path).run()
    Janitor.shared.forget(duty)
    writer.stop()
  }

  /// Whether it is frozen just now, which whoever froze it should have ended.
  var isFrozen: Bool {
    let before = writer.serial.acknowledged.count
    usleep(500_000)
    return writer.serial.acknowledged.count == before
  }

  /// The commands as a user would give them.
  var hooks: [String] {
    ["--pause-cmd", "fsfreeze -f '\(mount.path)'", "--resume-cmd", "fsfreeze -u '\(mount.path)'"]
  }
}
