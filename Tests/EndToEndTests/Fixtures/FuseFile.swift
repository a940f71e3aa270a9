// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file that is not what it seems: nbdkit serves it, nbdfuse mounts it, and what is read and
/// written goes through faults of the test's choice.
final class FuseFile {
  let path: String
  private let mount: RunningCommand
  private let duty: Int

  /// Reads and writes fail as nbdkit's error filter is told.
  static func failing(
    over image: ImageFile, _ faults: [String], in scratch: Scratch
  ) throws -> FuseFile {
    try FuseFile(["--filter=error", "file", image.path] + faults, in: scratch)
  }

  /// Reads take their time: so many bits a second.
  static func slow(over image: ImageFile, bits: String, in scratch: Scratch) throws -> FuseFile {
    try FuseFile(
      ["--filter=rate", "file", image.path, "rate=\(bits)", "burstiness=0.05"], in: scratch)
  }

  /// It takes every write and then spoils the byte at 1,000,000 of what it keeps.
  static func lying(byteCount: UInt64, in scratch: Scratch) throws -> FuseFile {
    let store = try ImageFile.make(in: scratch, byteCount: byteCount).path
    let plugin = try scratch.writeScript(
      """
      #!/bin/bash
      case $1 in
      get_size) stat -c %s '\(store)' ;;
      can_write | can_flush | flush) exit 0 ;;
      pread) dd if='\(store)' iflag=skip_bytes,count_bytes skip=$4 count=$3 bs=1M status=none ;;
      pwrite)
        dd of='\(store)' oflag=seek_bytes seek=$4 bs=1M conv=notrunc iflag=fullblock status=none
        printf X | dd of='\(store)' bs=1 seek=1000000 conv=notrunc status=none
        ;;
      *) exit 2 ;;
      esac
      """, to: "plugin")
    return try FuseFile(["sh", plugin], in: scratch)
  }

  private init(_ kit: [String], in scratch: Scratch) throws {
    path = scratch.newPath("fuse.img")
    try Data().write(to: URL(fileURLWithPath: path))
    let pidFile = scratch.newPath("nbdfuse-pid")
    var command = Command(
      ["nbdfuse", "-P", pidFile, path, "[", "nbdkit", "--exit-with-parent"] + kit + ["]"])
    command.timeoutSeconds = 300
    duty = Janitor.shared.atEnd("fusermount3 -u '\(path)'")
    mount = try command.start()
    let deadline = Date() + 10
    while !FileManager.default.fileExists(atPath: pidFile) {
      guard Date() < deadline, !mount.isOver else {
        throw FixtureError("nbdfuse: \(mount.errorSoFar)")
      }
      usleep(10_000)
    }
  }

  deinit {
    _ = try? Command("fusermount3", "-u", path).run()
    Janitor.shared.forget(duty)
    mount.wait()
  }
}
