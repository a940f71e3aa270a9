// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Storage

/// Things that are no images, at either end: each has its sentence.
@Suite struct UnsuitableTests {
  let scratch = Scratch()

  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var source: String
    var sourceHint: String?
    var target: String
    var targetHint: String?
    var testDescription: String { name }
  }

  static let image = "an image is a regular file or a block device"
  static let notDirectory = "something before a slash in it is no directory"
  static let cases = [
    Case(
      name: "fifo", source: "is a FIFO", sourceHint: image, target: "is a FIFO", targetHint: image),
    Case(
      name: "socket", source: "is a socket", sourceHint: image, target: "is a socket",
      targetHint: image),
    Case(
      name: "null", source: "is a character device", sourceHint: image,
      target: "is a character device", targetHint: image),
    Case(
      name: "directory", source: "is a directory", sourceHint: "name an image in it",
      target: "is a directory", targetHint: "name the target file"),
    Case(
      name: "gone", source: "open: No such file or directory", sourceHint: "check the spelling",
      target: ""),
    Case(
      name: "gone/", source: "open: No such file or directory", sourceHint: "check the spelling",
      target: "there is no such directory",
      targetHint: "make it first, or leave the slash at the end away"),
    Case(
      name: "gone/a", source: "open: No such file or directory", sourceHint: "check the spelling",
      target: "open its directory: No such file or directory",
      targetHint: "make the directory first: DIRECTORY/gone"),
    Case(
      name: "file/", source: "open: Not a directory", sourceHint: notDirectory,
      target: "open: Not a directory", targetHint: notDirectory),
    Case(
      name: "file/a", source: "open: Not a directory", sourceHint: notDirectory,
      target: "open: Not a directory", targetHint: notDirectory),
    Case(
      name: "dangling", source: "open: No such file or directory",
      sourceHint: "check the spelling", target: "is a symbolic link to nothing",
      targetHint: "remove the link, or make what it leads to"),
    Case(
      name: "circle", source: "open: Too many levels of symbolic links",
      sourceHint: "a symbolic link leads back to itself",
      target: "open: Too many levels of symbolic links",
      targetHint: "a symbolic link leads back to itself"),
    Case(
      name: String(repeating: "n", count: 256), source: "open: File name too long",
      sourceHint: "a name may have 255 bytes, a path 4095", target: "open: File name too long",
      targetHint: "a name may have 255 bytes, a path 4095"),
    Case(
      name: ".x.blkmove-part", source: "is the part file of an unfinished copy",
      sourceHint: "let that copy finish first, or insist with --force",
      target: "is the name of a part file", targetHint: "choose another name"),
  ]

  init() throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("directory/x"), withIntermediateDirectories: true)
    scratch.write([1], to: "file")
    scratch.write([1], to: ".x.blkmove-part")
    #expect(mkfifo(scratch.file("fifo"), 0o600) == 0)
    #expect(symlink("nowhere", scratch.file("dangling")) == 0)
    #expect(symlink("circle", scratch.file("circle")) == 0)
    #expect(symlink("/dev/null", scratch.file("null")) == 0)
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { Glibc.close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // The path is too long for an address; by its directory's descriptor it is not.
    let directory = Glibc.open(scratch.path, O_RDONLY | O_CLOEXEC)
    defer { Glibc.close(directory) }
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: "/proc/self/fd/\(directory)/socket".utf8)
    }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(result == 0)
  }

  @Test(arguments: cases) func isRefusedAsASource(_ test: Case) throws {
    let path = scratch.file(test.name)
    let error = #expect(throws: StorageError.self) {
      try SourceImage.open(path, within: .anything, isForced: false, on: scratch.machine)
    }
    #expect(error?.description == "\(path): \(test.source)")
    #expect(error?.hint == test.sourceHint)
  }

  @Test(arguments: cases.filter { !$0.target.isEmpty }) func isRefusedAsATarget(_ test: Case) throws
  {
    let path = scratch.file(test.name)
    for isDryRun in [false, true] {
      let request = TargetRequest(
        path: path, suggestedName: "x", sourceByteCount: 1, isDryRun: isDryRun)
      let error = #expect(throws: StorageError.self) {
        try TargetImage.open(request, within: .anything, on: scratch.machine)
      }
      // A directory is asked for the suggested name, which is a directory here too.
      let object = test.name == "directory" ? path + "/x" : path
      #expect(error?.description == "\(object): \(test.target)")
      #expect(
        error?.hint
          == test.targetHint?.replacingOccurrences(of: "DIRECTORY", with: scratch.path))
    }
  }

  @Test func aPeerCannotMakeSizesOverflow() throws {
    for size: UInt64 in [(1 << 60) + 1, .max, 1 << 63] {
      let request = TargetRequest(
        path: scratch.file("new"), suggestedName: "", sourceByteCount: size)
      let error = #expect(throws: StorageError.self) {
        try TargetImage.open(request, within: .anything, on: scratch.machine)
      }
      #expect(error?.kind == .unsuitable)
      #expect(!scratch.exists("new"))
    }
  }

  @Test func aPeerCannotReachOutsideOfAnImage() throws {
    scratch.write(pattern(4096), to: "image")
    let source = try SourceImage.open(
      scratch.file("image"), within: .anything, isForced: false, on: scratch.machine)
    let request = TargetRequest(
      path: scratch.file("image"), suggestedName: "", sourceByteCount: 4096)
    let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
    for offset: UInt64 in [4096, 4097, 1 << 62, .max - 1] {
      let extent = #expect(throws: StorageError.self) { try source.extent(at: offset) }
      let write = #expect(throws: StorageError.self) { try target.write([1], at: offset) }
      let zero = #expect(throws: StorageError.self) { try target.zero(offset..<offset + 1) }
      let most = #expect(throws: StorageError.self) { try target.zero(1..<UInt64.max) }
      for error in [extent, write, zero, most] { #expect(error?.kind == .outside) }
    }
    #expect(
      #expect(throws: StorageError.self) { try target.write([1, 2], at: 4095) }?.description
        == "\(target.name): write 2 bytes at byte 4095: is outside of the image, which has 4 KiB")
  }

  /// As an image it would be an empty one.
  @Test(arguments: ["/proc/self/status", "/proc/mounts"])
  func aFileThatOnlySaysThatItIsEmpty(_ path: String) throws {
    let error = #expect(throws: StorageError.self) {
      _ = try SourceImage.open(path, within: .anything, isForced: false, on: scratch.machine)
    }
    #expect(error?.kind == .unsuitable)
    #expect(error?.sentence == "says that it is empty, and is not")
  }
}
