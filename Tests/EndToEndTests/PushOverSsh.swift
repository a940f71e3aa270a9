// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// How the far end is named, and that any name of a file comes through the remote shell whole.
@Suite(.endsInTime) struct PushOverSsh {
  private let scratch = Scratch()

  static let awkwardNames = [
    "with space.img", "quote's.img", "double\"quote.img", "$(touch owned).img", "`touch owned`",
    "back\\slash", "*?[a].img", "semi;colon&and|pipe", "umlaut-äöü-日本.img", "new\nline.img",
    "-dash.img", "--server", "~tilde", "tab\there", "{a,b}", "!history", "#hash", "a:b.img", "%s%n",
  ]

  @Test(arguments: awkwardNames)
  func anAwkwardNameStaysTheSame(name: String) throws {
    let image = try ImageFile.full(in: scratch, byteCount: 10_000, seed: 1)
    let directory = scratch.path("there \(name)", isDirectory: true)
    expectDone(try Blkmove(.push).copy(image.path, "\(directory)/\(name)"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [name])
    try expectEqual(ImageFile("\(directory)/\(name)"), image)
  }

  @Test(
    arguments: awkwardNames.filter { $0.contains("$") || $0.contains("-") || $0.contains("\n") })
  func anAwkwardNameIsTakenFromTheSource(name: String) throws {
    let image = try ImageFile.full(in: scratch, named: name, byteCount: 10_000, seed: 2)
    let directory = scratch.path("there", isDirectory: true)
    expectDone(try Blkmove(.push).copy(image.path, directory))
    try expectEqual(ImageFile("\(directory)/\(name)"), image)
  }

  @Test(arguments: [
    "HOST:PATH", "USER@HOST:PATH", "ssh://HOSTPATH",
    "ssh://USER@HOSTPATH", "ssh://HOST:PORTPATH", "ssh://USER@HOST:PORTPATH",
  ])
  func everyWayToNameAHostWorks(form: String) throws {
    let shell = try SecureShell.shared.get()
    let image = try ImageFile.full(in: scratch, byteCount: 70_000, seed: 3)
    let target = scratch.path("copy.img")
    let place =
      form.replacingOccurrences(of: "USER", with: NSUserName())
      .replacingOccurrences(of: "HOST", with: "127.0.0.1")
      .replacingOccurrences(of: "PORT", with: shell.port)
      .replacingOccurrences(of: "PATH", with: target)
    expectDone(try Blkmove(.push).run([], [image.path, place]))
    try expectEqual(ImageFile(target), image)
  }

  @Test func aRelativePathStartsWhereTheRemoteShellStarts() throws {
    let home = scratch.path("home", isDirectory: true)
    let shell = try SecureShell(forcedCommand: "cd '\(home)' && eval $SSH_ORIGINAL_COMMAND")
    let image = try ImageFile.full(in: scratch, byteCount: 70_000, seed: 4)
    var mover = Blkmove(.push)
    mover.shell = shell
    expectDone(try mover.copy(image.path, "relative.img"))
    try expectEqual(ImageFile(home + "/relative.img"), image)
    expectDone(try mover.run([], [image.path, "backup:."]))
    try expectEqual(ImageFile("\(home)/\(image.path.split(separator: "/").last!)"), image)
    mover.direction = .pull
    expectDone(try mover.copy("relative.img", scratch.path("back.img")))
    try expectEqual(ImageFile(scratch.path("back.img")), image)
  }

  @Test func bothEndsRemoteIsAUsageError() throws {
    expectComplaint(try Blkmove.plain("one:/a", "two:/b"), status: 2, "remote")
  }
}
