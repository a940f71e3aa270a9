// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A file system on a loop device of one test's own.
///
/// It is unmounted as soon as it is mounted, and held open here: so it goes with the test, even
/// when that crashes. Its path is one of this process.
final class MountedDisk: Sendable {
  enum Kind: String, CaseIterable, Sendable { case ext4, xfs, btrfs }

  let path: String
  let device: LoopDevice
  private let root: Int32

  init(_ kind: Kind, byteCount: UInt64, in scratch: Scratch) throws {
    device = try LoopDevice(scratch, byteCount: byteCount)
    try Command.run("mkfs.\(kind.rawValue)", "-q", device.path)
    let point = scratch.file("mounted-\(kind.rawValue)")
    try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: true)
    try Command.run("mount", device.path, point)
    root = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try Command.run("umount", "-l", point)
    path = "/proc/\(getpid())/fd/\(root)"
  }

  deinit { close(root) }

  func file(_ name: String) -> String { path + "/" + name }

  /// All is on the device, and stays as it is meanwhile.
  func frozen<Value>(_ body: () throws -> Value) throws -> Value {
    try Command.run("fsfreeze", "-f", path)
    defer { _ = try? Command.run("fsfreeze", "-u", path) }
    return try body()
  }
}
