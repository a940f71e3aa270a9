// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Both ends on this machine, without a remote shell.
@Suite(.endsInTime) struct LocalCopy {
  private let scratch = Scratch()

  @Test(arguments: PushOverSsh.awkwardNames)
  func anAwkwardNameStaysTheSame(name: String) throws {
    let image = try ImageFile.full(in: scratch, named: name, byteCount: 10_000, seed: 1)
    let directory = scratch.path("there", isDirectory: true)
    expectDone(try Blkmove().copy(image.path, directory))
    try expectEqual(ImageFile("\(directory)/\(name)"), image)
  }

  @Test func aColonAfterASlashBelongsToTheName() throws {
    let image = try ImageFile.full(in: scratch, named: "a:b", byteCount: 10_000, seed: 2)
    var command = Command(Blkmove.binary, "./a:b", "./c:d")
    command.directory = scratch.path
    let outcome = try command.run()
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(ImageFile(scratch.path("c:d")), image)
  }

  @Test func aWordAfterTwoDashesIsAnOperand() throws {
    let image = try ImageFile.full(in: scratch, named: "-v", byteCount: 10_000, seed: 3)
    var command = Command(Blkmove.binary, "--", "-v", "-W")
    command.directory = scratch.path
    let outcome = try command.run()
    #expect(outcome.status == 0, "\(outcome)")
    try expectEqual(ImageFile(scratch.path("-W")), image)
  }

  @Test func noRemoteShellIsStarted() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 10_000, seed: 4)
    let mover = Blkmove(.local, "-e", "/no/such/shell")
    expectDone(try mover.copy(image.path, scratch.path("copy.img")))
  }

  @Test func whatMovedInsideAnImageIsCopiedFromItself() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 8 << 20, seed: 5)
    let target = try ImageFile.make(in: scratch, byteCount: 8 << 20)
    try target.fill(0..<4 << 20, with: Pattern(seed: 5), from: 1024)
    try target.fill(4 << 20..<8 << 20, with: Pattern(seed: 5), from: 0)
    expectDone(try Blkmove().copy(image.path, target.path))
    try expectEqual(target, image)
  }
}
