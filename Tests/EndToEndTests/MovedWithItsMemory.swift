// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A guest that goes on at the other end as if nothing had happened: the number that it
/// acknowledges first there follows the one that it acknowledged last here.
@Suite(.endsInTime, .serialized, .needs(.virtualMachines)) struct MovedWithItsMemory {
  private let scratch = Scratch()

  @Test func theGuestDoesNotNoticeIt() throws {
    let writer = GuestWriter(slotCount: 2048, rate: 200)
    let site = try LiveSite(writer: writer, in: scratch)
    let disk = try ImageFile.make(in: scratch, named: "arrived.img", byteCount: 64 << 20)
    let other = try Guest(
      [GuestDisk(path: disk.path)], .init(writer: writer, incoming: "defer"), in: scratch)
    // The machine there has its disk open before the move begins.
    let run = try site.mover("--with-memory", "qmp:\(other.qmpPath)", "--force").run(
      [], ["\(Blkmove.host):\(disk.path)"])
    expectDone(run)
    try other.waitForMore(50)
    let before = site.guest.serial.acknowledged
    let after = other.serial.acknowledged
    let first = try #require(after.first)
    let last = try #require(before.last)
    // One line may have been on its way in the middle.
    #expect(first > last && first <= last + 2, "\(run)")
    for (number, next) in zip(after, after.dropFirst()) { #expect(next == number + 1) }
    #expect(try site.guest.monitor.get().runState == "postmigrate")
    try site.expectNoLeftovers()
    other.kill()
    let check = try other.check([GuestDisk(path: disk.path)], in: scratch)
    #expect(check.isWhole, "\(check)")
  }
}
