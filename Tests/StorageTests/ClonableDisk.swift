// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A directory of one test's own on a file system whose files can share their blocks.
final class ClonableDisk: Sendable {
  enum Kind: String, CaseIterable, Sendable { case xfs, btrfs }

  let path: String

  init(_ kind: Kind) throws {
    let mount = try (kind == .xfs ? Mounted.xfs : Mounted.btrfs).get()
    path = "\(mount.path)/\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  @discardableResult
  func write(_ bytes: [UInt8], to name: String) -> String {
    precondition(FileManager.default.createFile(atPath: file(name), contents: Data(bytes)))
    return file(name)
  }

  func bytes(of name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: file(name)).map { [UInt8]($0) }
  }

  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  func status(_ name: String) -> stat {
    var status = stat()
    lstat(file(name), &status)
    return status
  }

  /// One file system for all tests: making one takes longer than they do.
  ///
  /// It is unmounted as soon as it is mounted, its image has no name any more, and it is held open
  /// here: so it goes with the process, even when that crashes. Its path is one of this process.
  private final class Mounted: Sendable {
    static let xfs = Result { try Mounted(.xfs) }
    static let btrfs = Result { try Mounted(.btrfs) }

    let path: String
    private let device: LoopDevice

    private init(_ kind: Kind) throws {
      let scratch = Scratch()
      device = try LoopDevice(scratch, byteCount: 512 << 20)
      try Command.run("mkfs.\(kind.rawValue)", "-q", device.path)
      let point = scratch.file("disk")
      try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
      try Command.run("mount", device.path, point)
      let root = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      try Command.run("umount", "-l", point)
      path = "/proc/\(getpid())/fd/\(root)"
    }
  }
}
