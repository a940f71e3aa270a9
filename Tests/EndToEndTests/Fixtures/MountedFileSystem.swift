// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file system of a stated size, mounted for as long as someone holds it: a place that is full
/// when a test wants it full.
final class MountedFileSystem: Sendable {
  let path: String
  let device: LoopDevice
  private let duty: Int

  /// Mounts what is on the device, after making an ext4 there unless it has one.
  init(on device: LoopDevice, makesFileSystem: Bool = true) throws {
    self.device = device
    path = Scratch.root.newPath("mount")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    if makesFileSystem { try Command.succeed("mkfs.ext4", "-q", "-m", "0", device.path) }
    try Command.succeed("mount", device.path, path)
    duty = Janitor.shared.atEnd("umount '\(path)'")
  }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  deinit {
    _ = try? Command("umount", path).run()
    Janitor.shared.forget(duty)
    try? FileManager.default.removeItem(atPath: path)
  }
}
