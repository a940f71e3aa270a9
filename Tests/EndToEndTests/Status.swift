// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `blkmove status`: what is remembered of an image, and whether it still holds.
@Suite(.endsInTime) struct Status {
  private let scratch = Scratch()

  private func status(_ path: String, _ mover: Blkmove) throws -> [String: Any] {
    var command = Command(Blkmove.binary, "status", "--json", path)
    command.environment = mover.environment
    let outcome = try command.run()
    #expect(outcome.status == 0, "\(outcome)")
    let lines = outcome.output.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    return try #require(lines.first { $0["type"] as? String == "status" })
  }

  @Test func anImageIsToldOfBeforeAndAfter() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 5 << 20, seed: 1)
    let copy = ImageFile(scratch.path("copy.img"))
    usleep(50_000)
    let mover = try Blkmove(.pull).withMarksOfItsOwn(in: scratch)
    #expect(try status(image.path, mover)["generation"] is NSNull)

    let run = try mover.copy(image.path, copy.path)
    expectDone(run)
    let after = try status(copy.path, mover)
    #expect(after["role"] as? String == "target" && after["since"] as? String == "unchanged")
    #expect(after["peer"] as? String == "\(Blkmove.host):\(image.path)")
    #expect(after["generation"] as? Int == 1 && after["is_unfinished"] as? Bool == false)
    let digest = try Blkmove.plain("digest", copy.path).output.prefix(64)
    #expect(after["digest"] as? String == String(digest))

    try copy.fill(0..<4096, with: Pattern(seed: 9))
    let changed = try status(copy.path, mover)
    #expect(changed["since"] as? String == "changed" && changed["digest"] is NSNull)
  }

  @Test func whatIsOnItsWayIsToldOf() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 24 << 20, seed: 1)
    let copy = ImageFile(scratch.path("copy.img"))
    var mover = try Blkmove(.pull, "--compress=none").withMarksOfItsOwn(in: scratch)
    mover.event = (12 << 20, .killParent)
    _ = try mover.copy(image.path, copy.path)
    let half = try status(copy.path, mover)
    #expect(half["is_unfinished"] as? Bool == true)
    #expect((half["part_file"] as? String)?.hasSuffix(".copy.img.blkmove-part") == true)
    #expect(half["is_remembered_whole"] as? Bool == false)
  }

  @Test func peopleCanReadIt() throws {
    let image = try ImageFile.full(in: scratch, byteCount: 5 << 20, seed: 1)
    let outcome = try Blkmove.plain("status", image.path)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("\(image.path): file, 5,242,880 bytes (5.00 MiB)\n"))
    #expect(outcome.output.contains("  state: complete\n"))
    #expect(outcome.output.contains("  remembered: nothing\n"))
    let remote = try Blkmove.plain("status", "host:a")
    #expect(remote.status == 2 && remote.error.contains("is not on this machine"))
    #expect(try Blkmove.plain("status", scratch.path("nothing")).status == 1)
  }
}
