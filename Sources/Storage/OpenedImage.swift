// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A regular file or a block device that was looked at before it was opened.
///
/// Opening has side effects on things that are no images (a tape rewinds, a FIFO waits), so the
/// path is first opened as a mere place (O_PATH), judged, and then opened again; when both are
/// not the same thing, somebody is playing with the path.
struct OpenedImage: ~Copyable {
  let descriptor: Descriptor
  let status: stat
  let kind: ImageKind

  /// What a path leads to.
  enum Finding {
    case missing
    case directory
    case image(stat, ImageKind)
  }

  /// Looks without opening. Things that can never be an image are refused with their name.
  static func look(
    at path: ImagePath, within policy: PathPolicy, calls: SystemCalls
  ) throws(StorageError) -> Finding {
    let status: stat
    do throws(StorageError) {
      let place = try policy.open(path, flags: linux_O_PATH, calls: calls)
      status = try place.status(of: path.text)
    } catch let error where error.errorNumber == ENOENT {
      return .missing
    }
    if status.st_mode & S_IFMT == S_IFDIR { return .directory }
    let kind = try imageKind(of: status, named: path.text)
    // In a restricted walk the slash was lost, and elsewhere the kernel has already said ENOTDIR.
    if path.hasTrailingSlash { throw StorageError.opening(path.text, SystemError(number: ENOTDIR)) }
    return .image(status, kind)
  }

  /// Opens what `look` found. `flags` are those of open(2) for this use.
  static func open(
    _ path: ImagePath, seen: stat, kind: ImageKind, flags: Int32, within policy: PathPolicy,
    calls: SystemCalls
  ) throws(StorageError) -> OpenedImage {
    // O_NONBLOCK does nothing to a file, and keeps us from waiting when it is none any more. To
    // a drive it means that its medium need not be looked at.
    let waiting = kind == .file ? O_NONBLOCK : 0
    let descriptor = try policy.open(path, flags: flags | waiting | O_NOCTTY, calls: calls)
    let status = try descriptor.status(of: path.text)
    guard status.st_dev == seen.st_dev, status.st_ino == seen.st_ino,
      status.st_rdev == seen.st_rdev, status.st_mode & S_IFMT == seen.st_mode & S_IFMT
    else {
      throw StorageError(
        .unsuitable, object: path.text, operation: "open",
        sentence: "was replaced by something else at this moment", hint: "run it again")
    }
    return OpenedImage(descriptor: descriptor, status: status, kind: kind)
  }

  private static func imageKind(of status: stat, named name: String) throws(StorageError)
    -> ImageKind
  {
    let what: String
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFBLK: return .device
    case S_IFCHR: what = "a character device"
    case S_IFIFO: what = "a FIFO"
    case S_IFSOCK: what = "a socket"
    default: what = "a special file"
    }
    throw StorageError(
      .unsuitable, object: name, sentence: "is \(what)",
      hint: "an image is a regular file or a block device")
  }

  /// Of a device: what it can read and write at least.
  var logicalBlock: Int {
    (try? descriptor.calls.deviceLogicalBlock(descriptor.number)) ?? DirectReader.commonAlignment
  }

  func byteCount(named name: String) throws(StorageError) -> UInt64 {
    switch kind {
    case .file:
      return UInt64(status.st_size)
    case .device:
      let byteCount = try descriptor.deviceByteCount(of: name)
      // Every loop device that shows nothing looks so, and every empty card reader.
      if byteCount == 0 {
        throw StorageError(
          .unsuitable, object: name, sentence: "has no content: is anything attached to it?")
      }
      return byteCount
    }
  }

  /// Throws away what the cache of this device node remembers: each node has one of its own, and
  /// what was written through another (an origin, a snapshot, a mounted file system) is not in
  /// it. Only root may do this.
  func dropDeviceCache() {
    // A RAM disk is nothing but cache: old kernels empty it for good when asked this.
    let ramDiskMajor = 1
    if kind == .file || DeviceNumber(UInt64(status.st_rdev)).major == ramDiskMajor { return }
    try? descriptor.calls.deviceFlush(descriptor.number)
  }
}

extension Descriptor {
  func status(of name: String) throws(StorageError) -> stat {
    do throws(SystemError) {
      return try calls.status(number)
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "look at it")
    }
  }
}

extension Descriptor {
  func deviceByteCount(of name: String) throws(StorageError) -> UInt64 {
    do throws(SystemError) {
      return try calls.deviceByteCount(number)
    } catch {
      throw StorageError(.system(error.number), object: name, operation: "ask for its size")
    }
  }
}

extension ImageIdentity {
  init(_ status: stat, kind: ImageKind, byteCount: UInt64, serial: String = "") {
    switch kind {
    case .file:
      self.init(
        kind: .file, deviceNumber: UInt64(status.st_dev), inode: UInt64(status.st_ino),
        byteCount: byteCount, modifiedNanoseconds: Self.nanoseconds(status.st_mtim),
        changedNanoseconds: Self.nanoseconds(status.st_ctim))
    case .device:
      self.init(
        kind: .device, deviceNumber: UInt64(status.st_rdev), byteCount: byteCount,
        serial: serial)
    }
  }

  /// Wraps for times that no disk has seen, where only being equal matters.
  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
