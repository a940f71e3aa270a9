// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// Things that are no image, at either end: a sentence each, and never a wait.
@Suite(.endsInTime) struct WrongKinds {
  private let scratch = Scratch()

  enum Kind: String, CaseIterable, Sendable {
    case directory, pipe, socket, characterDevice, danglingLink, linkLoop, nothing, noDirectory
    case fileAsDirectory
  }

  private func make(_ kind: Kind) throws -> String {
    let path = scratch.path("thing")
    switch kind {
    case .directory: mkdir(path, 0o755)
    case .pipe: mkfifo(path, 0o644)
    case .socket:
      try Command.succeed(
        "/usr/bin/python3", "-c", "import socket,sys; socket.socket(1).bind(sys.argv[1])", path)
    case .characterDevice: return "/dev/null"
    case .danglingLink: symlink("/no/such/place/at-all", path)
    case .linkLoop: symlink("thing", path)
    case .nothing: break
    case .noDirectory: return path + "/below"
    case .fileAsDirectory:
      try scratch.write("text", to: "thing")
      return path + "/below"
    }
    return path
  }

  @Test(arguments: Direction.allCases, Kind.allCases)
  func asASource(direction: Direction, kind: Kind) throws {
    let source = try make(kind)
    var mover = Blkmove(direction)
    mover.timeoutSeconds = 15
    let run = try mover.copy(source, scratch.path("copy.img"))
    #expect([1, 2, 6].contains(run.status), "\(run)")
    expectComplaint(run.outcome, status: run.status ?? -1, source)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("copy.img")))
  }

  @Test(
    arguments: Direction.allCases,
    [.pipe, .socket, .characterDevice, .linkLoop, .noDirectory, .fileAsDirectory] as [Kind])
  func asATarget(direction: Direction, kind: Kind) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 1 << 20, seed: 1)
    let target = try make(kind)
    var mover = Blkmove(direction)
    mover.timeoutSeconds = 15
    let run = try mover.copy(image.path, target)
    #expect([1, 2, 6].contains(run.status), "\(run)")
    expectComplaint(run.outcome, status: run.status ?? -1, target)
  }

  @Test(arguments: Direction.allCases)
  func aDirectoryInTheDirectory(direction: Direction) throws {
    let image = try ImageFile.full(in: scratch, named: "disk.img", byteCount: 1 << 20, seed: 2)
    _ = scratch.path("there", isDirectory: true)
    _ = scratch.path("there/disk.img", isDirectory: true)
    let run = try Blkmove(direction).copy(image.path, scratch.path("there"))
    #expect([1, 2, 6].contains(run.status), "\(run)")
    expectComplaint(run.outcome, status: run.status ?? -1, "disk.img", "directory")
  }

  @Test func aNameThatIsTooLong() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 4096, seed: 3)
    for direction in Direction.allCases {
      let long = scratch.path(String(repeating: "n", count: 300))
      let run = try Blkmove(direction).copy(image.path, long)
      expectComplaint(run.outcome, status: 1, "File name too long")
      let longest = scratch.path(String(repeating: "n", count: 250))
      let again = try Blkmove(direction).copy(image.path, longest)
      expectDone(again)
      try? FileManager.default.removeItem(atPath: longest)
    }
  }
}
