// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What it takes to put one file in the place of another: sharing its blocks, and having its
/// owner and attributes.
extension SystemCalls {
  /// ioctl(FICLONE): `file` gets all content of `source`.
  func clone(_ source: Int32, to file: Int32) throws(SystemError) {
    try attempt(SystemCall(.clone)) { _ in linux_clone(file, source) }
  }

  /// ioctl(FICLONERANGE).
  func clone(
    _ source: Int32, at offset: UInt64, to file: Int32, _ range: Range<UInt64>
  ) throws(SystemError) {
    let call = SystemCall(.cloneRange, offset: range.lowerBound, byteCount: range.count)
    try attempt(call) { _ in
      linux_clone_range(file, range.lowerBound, source, offset, UInt64(range.count))
    }
  }

  /// Whether the file is written where it is, as `chattr +C` wants it.
  func isWithoutCopies(_ file: Int32) throws(SystemError) -> Bool {
    var result = false
    try attempt(SystemCall(.withoutCopies)) { _ in
      unsafe linux_is_without_copies(file, &result)
    }
    return result
  }

  /// Only of an empty file.
  func setWithoutCopies(_ file: Int32, to value: Bool) throws(SystemError) {
    try attempt(SystemCall(.withoutCopies)) { _ in linux_set_without_copies(file, value) }
  }

  func changeOwner(_ file: Int32, to user: UInt32, _ group: UInt32) throws(SystemError) {
    try attempt(SystemCall(.changeOwner)) { _ in fchown(file, user, group) }
  }
}

// MARK: - Extended attributes

extension SystemCalls {
  /// The kernel's limit of a list of names, and of a value.
  private static let attributeByteCount = 65536

  func attributeNames(of file: Int32) throws(SystemError) -> [String] {
    let bytes = try unsafe attributeBytes { space in
      unsafe linux_list_attributes(file, space.baseAddress, space.count)
    }
    return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  func attribute(_ name: String, of file: Int32) throws(SystemError) -> [UInt8] {
    try unsafe attributeBytes { space in
      unsafe linux_read_attribute(file, name, space.baseAddress, space.count)
    }
  }

  private func attributeBytes(
    _ read: (UnsafeMutableBufferPointer<CChar>) -> Int64
  ) throws(SystemError) -> [UInt8] {
    let count = Self.attributeByteCount
    let space = UnsafeMutableBufferPointer<CChar>.allocate(capacity: count)
    defer { unsafe space.deallocate() }
    let got = try attempt(SystemCall(.attributes)) { _ in unsafe read(space) }
    return unsafe space[..<Int(got)].map { UInt8(bitPattern: $0) }
  }

  func setAttribute(_ name: String, to value: [UInt8], of file: Int32) throws(SystemError) {
    try attempt(SystemCall(.attributes)) { _ in
      unsafe linux_set_attribute(file, name, value, value.count)
    }
  }

  func removeAttribute(_ name: String, of file: Int32) throws(SystemError) {
    try attempt(SystemCall(.attributes)) { _ in unsafe linux_remove_attribute(file, name) }
  }
}
