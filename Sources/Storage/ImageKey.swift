// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The name under which something is remembered of an image: it says what the image is, not by
/// which path it was reached, and not in which state it is.
///
/// A renamed image keeps it. A file's birth is part of it, so that another file that was given the
/// same inode later is not mistaken for it.
struct ImageKey: Hashable, Sendable {
  let text: String

  init(text: String) { self.text = text }

  /// A loop device that shows a whole file has the key of that file.
  static func of(
    _ image: borrowing OpenedImage, device: BlockDevice, on machine: Machine
  ) -> ImageKey {
    switch image.kind {
    case .file:
      return ImageKey(forFile: image.descriptor, status: image.status)
    case .device:
      if let backing = device.wholeLoopBacking,
        let place = try? machine.calls.open(backing, in: AT_FDCWD, flags: linux_O_PATH),
        let status = try? machine.calls.status(place.number), status.st_mode & S_IFMT == S_IFREG
      {
        return ImageKey(forFile: place, status: status)
      }
      return ImageKey(forDevice: device.serial, number: device.number.raw)
    }
  }

  init(forFile file: borrowing Descriptor, status: stat) {
    let facts = (try? file.calls.fileFacts(file.number)) ?? linux_file_facts()
    let system =
      facts.file_system_identity == 0 ? UInt64(status.st_dev) : facts.file_system_identity
    let parts = [system, UInt64(status.st_ino), UInt64(bitPattern: facts.born_nanoseconds)]
    text = "file-" + parts.map { String($0, radix: 16) }.joined(separator: "-")
  }

  init(forDevice serial: String, number: UInt64) {
    text = "device-" + (serial.isEmpty ? String(number, radix: 16) : serial)
  }

  /// A name that every file system takes; both ends of what is too long are kept, since
  /// serial numbers differ in either.
  var fileName: String {
    var result = ""
    for byte in text.utf8 {
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
}
