// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file system of a stated size, mounted for as long as someone holds it: a place that is full
/// when a test wants it full.
final class MountedFileSystem: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case ext4, xfs, btrfs

    /// Those whose files can share their blocks. They want more room than a test does.
    static let clonable: [Kind] = [.xfs, .btrfs]
    static let clonableByteCount: UInt64 = 512 << 20

    var makingWords: [String] {
      switch self {
      case .ext4: ["mkfs.ext4", "-q", "-m", "0"]
      case .xfs: ["mkfs.xfs", "-q"]
      case .btrfs: ["mkfs.btrfs", "-q"]
      }
    }
  }

  let path: String
  let device: LoopDevice
  private let duty: Int

  /// Of a kind whose files can share their blocks.
  convenience init(clonable kind: Kind, in scratch: Scratch) throws {
    try self.init(on: LoopDevice(byteCount: Kind.clonableByteCount, in: scratch), kind)
  }

  /// Mounts what is on the device, after making a file system there unless it has one.
  init(on device: LoopDevice, _ kind: Kind = .ext4, makesFileSystem: Bool = true) throws {
    self.device = device
    path = Scratch.root.newPath("mount")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    if makesFileSystem {
      let outcome = try Command(kind.makingWords + [device.path]).run()
      guard outcome.status == 0 else { throw FixtureError("\(outcome)") }
    }
    try Command.succeed("mount", device.path, path)
    duty = Janitor.shared.atEnd("umount '\(path)'")
  }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  /// The names in a directory of it, hidden ones too.
  func names(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(directory))) ?? []).sorted()
  }

  /// What is taken of it, when all is written.
  var usedByteCount: UInt64 {
    get throws {
      try Command.succeed("sync", "-f", path)
      let text = try Command.succeed("df", "-B1", "--output=used", path)
      return text.split(separator: "\n").last.flatMap { UInt64($0) } ?? 0
    }
  }

  deinit {
    _ = try? Command("umount", path).run()
    Janitor.shared.forget(duty)
    try? FileManager.default.removeItem(atPath: path)
  }
}
