// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The word, kept outside of an image, that a copy onto it was begun and not finished.
///
/// It is on stable storage before the first byte of the image is overwritten, and goes after the
/// last one is. One small file for each image, named by what the image is, not by its path: a
/// renamed image is still unfinished. A file's birth is part of its name, so that another file
/// that was given the same inode later is not accused.
struct UnfinishedMark: Sendable {
  let directory: String
  let fileName: String
  let calls: SystemCalls

  /// Nil where this account has no place for marks. A loop device that shows a whole file is
  /// marked as that file.
  static func of(
    _ image: borrowing OpenedImage, device: BlockDevice, on machine: Machine
  ) -> UnfinishedMark? {
    switch image.kind {
    case .file:
      return UnfinishedMark(forFile: image.descriptor, status: image.status, on: machine)
    case .device:
      if let backing = device.wholeLoopBacking,
        let place = try? machine.calls.open(backing, in: AT_FDCWD, flags: linux_O_PATH),
        let status = try? machine.calls.status(place.number), status.st_mode & S_IFMT == S_IFREG
      {
        return UnfinishedMark(forFile: place, status: status, on: machine)
      }
      return UnfinishedMark(forDevice: device.serial, number: device.number.raw, on: machine)
    }
  }

  init?(forFile file: borrowing Descriptor, status: stat, on machine: Machine) {
    let facts = (try? file.calls.fileFacts(file.number)) ?? linux_file_facts()
    let system =
      facts.file_system_identity == 0 ? UInt64(status.st_dev) : facts.file_system_identity
    let parts = [system, UInt64(status.st_ino), UInt64(bitPattern: facts.born_nanoseconds)]
    self.init(
      key: "file-" + parts.map { String($0, radix: 16) }.joined(separator: "-"), on: machine)
  }

  init?(forDevice serial: String, number: UInt64, on machine: Machine) {
    self.init(
      key: "device-" + (serial.isEmpty ? String(number, radix: 16) : serial), on: machine)
  }

  private init?(key: String, on machine: Machine) {
    guard let directory = machine.stateDirectory else { return nil }
    self.directory = directory
    self.fileName = "unfinished-" + Self.escaped(key)
    self.calls = machine.calls
  }

  /// A name that every file system takes; both ends of what is too long are kept, since
  /// serial numbers differ in either.
  private static func escaped(_ key: String) -> String {
    var result = ""
    for byte in key.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result += "%" + String(byte, radix: 16)
      }
    }
    return result.utf8.count <= 200 ? result : String(result.prefix(100) + result.suffix(100))
  }

  /// Whether the image is unfinished. What cannot be looked at is taken as absent.
  var exists: Bool {
    guard let place = try? openPlace() else { return false }
    return (try? calls.status(fileName, in: place.number)) != nil
  }

  /// Makes the mark and waits until it is on stable storage. `text` is for people.
  func put(_ text: String) throws(SystemError) {
    try makePlace()
    let place = try openPlace()
    let file = try calls.open(
      fileName, in: place.number, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    var line = text + "\n"
    let failure = line.withUTF8 { bytes in
      unsafe file.writeAll(UnsafeRawBufferPointer(bytes), at: 0).failure
    }
    if let failure { throw failure }
    try calls.synchronize(file.number)
    try file.close()
    try calls.synchronize(place.number)
  }

  /// Takes the mark away, for good.
  func remove() throws(SystemError) {
    let place = try openPlace()
    do throws(SystemError) {
      try calls.unlink(fileName, in: place.number)
    } catch let error where error.number == ENOENT {
      return
    }
    try calls.synchronize(place.number)
  }

  private func openPlace() throws(SystemError) -> Descriptor {
    try calls.open(directory, in: AT_FDCWD, flags: O_RDONLY | O_DIRECTORY)
  }

  /// Makes the state directory and what is missing above it.
  private func makePlace() throws(SystemError) {
    var path = directory.hasPrefix("/") ? "" : "."
    for component in directory.split(separator: "/") {
      path += "/" + component
      do throws(SystemError) {
        try calls.makeDirectory(path, mode: 0o700)
      } catch let error where [EEXIST, EACCES, EROFS].contains(error.number) {
        // There already, or above what this account may change: opening it will tell.
        continue
      }
    }
  }
}
