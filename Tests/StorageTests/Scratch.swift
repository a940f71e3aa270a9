// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

@testable import Storage

/// A directory of one test's own, which goes with it.
final class Scratch: Sendable {
  let path: String

  init() {
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = "\(base)/blkmove-storage-tests/\(UUID().uuidString)"
    try! FileManager.default.createDirectory(
      atPath: path + "/state", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// This machine, with marks kept here.
  var machine: Machine {
    var machine = Machine(stateDirectory: path + "/state")
    machine.patienceMilliseconds = 500
    return machine
  }

  func file(_ name: String) -> String { path + "/" + name }

  /// Makes a file with these bytes.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) -> String {
    precondition(FileManager.default.createFile(atPath: file(name), contents: Data(bytes)))
    return file(name)
  }

  func bytes(of name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: file(name)).map { [UInt8]($0) }
  }

  func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat(file(name), &status) == 0
  }

  var unfinishedMarks: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path + "/state")) ?? []
  }
}

/// Bytes that look like content: never zero, different for every seed and in every page.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  let page = (0..<4096).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state) | 1
  }
  var result: [UInt8] = []
  result.reserveCapacity(count + 4096)
  while result.count < count {
    let number = result.count / 4096
    result += page
    for byte in 0..<4 { result[number * 4096 + byte] = UInt8(number >> (byte * 7) & 0x7F) | 0x80 }
  }
  result.removeLast(result.count - count)
  return result
}

extension ReadableImage {
  func bytes(_ range: Range<UInt64>) throws(StorageError) -> [UInt8] {
    var result = [UInt8](repeating: 0xEE, count: range.count)
    var failure: StorageError?
    result.withUnsafeMutableBytes { space in
      do throws(StorageError) {
        try read(into: space, at: range.lowerBound)
      } catch { failure = error }
    }
    if let failure { throw failure }
    return result
  }

  func allBytes() throws(StorageError) -> [UInt8] { try bytes(0..<byteCount) }

  func extents() throws(StorageError) -> [Extent] {
    var result: [Extent] = []
    var offset: UInt64 = 0
    while offset < byteCount {
      result.append(try extent(at: offset))
      offset = result.last!.range.upperBound
    }
    return result
  }
}

extension CopyTarget {
  func write(_ bytes: [UInt8], at offset: UInt64) throws(StorageError) {
    var failure: StorageError?
    bytes.withUnsafeBytes { space in
      do throws(StorageError) {
        try write(space, at: offset)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
