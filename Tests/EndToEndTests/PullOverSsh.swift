// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The same with the source at the far end.
@Suite(.endsInTime) struct PullOverSsh {
  private let scratch = Scratch()

  @Test(arguments: PushOverSsh.awkwardNames)
  func anAwkwardNameIsFound(name: String) throws {
    let image = try ImageFile.full(in: scratch, named: name, byteCount: 10_000, seed: 1)
    let directory = scratch.path("here", isDirectory: true)
    expectDone(try Blkmove(.pull).copy(image.path, directory))
    try expectEqual(ImageFile("\(directory)/\(name)"), image)
  }

  @Test func aUrlNamesTheSource() throws {
    let shell = try SecureShell.shared.get()
    let image = try ImageFile.full(in: scratch, named: "disk.img", byteCount: 70_000, seed: 2)
    let place = "ssh://\(NSUserName())@127.0.0.1:\(shell.port)\(image.path)"
    let directory = scratch.path("here", isDirectory: true)
    expectDone(try Blkmove(.pull).run([], [place, directory]))
    try expectEqual(ImageFile(directory + "/disk.img"), image)
  }

  @Test func theSourceIsNotTouched() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 3 << 20, seed: 3)
    let before = try FileManager.default.attributesOfItem(atPath: image.path)
    try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: image.path)
    expectDone(try Blkmove(.pull).copy(image.path, scratch.path("copy.img")))
    let after = try FileManager.default.attributesOfItem(atPath: image.path)
    #expect(before[.modificationDate] as? Date == after[.modificationDate] as? Date)
    #expect(scratch.names.count == 2)
  }

  @Test func aMissingSourceLeavesNothingHere() throws {
    let run = try Blkmove(.pull).copy(scratch.path("missing.img"), scratch.path("copy.img"))
    expectComplaint(run.outcome, status: 1, "missing.img", "No such file", "source", "backup")
    #expect(scratch.names == [])
  }
}
