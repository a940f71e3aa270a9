// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The guest that the tests of live moves rely on, and the check that must see what was lost.
@Suite(.endsInTime, .serialized) struct GuestFixtureTests {
  private let scratch = Scratch()

  @Test(.needs(.virtualMachines)) func whatAGuestAcknowledgesIsOnItsDisks() throws {
    let writer = GuestWriter(slotCount: 512, burst: 3)
    let disks = try [GuestDisk.Format.raw, .qcow2].map { format in
      var disk = try GuestDisk.make(
        in: scratch, format: format, mebibytes: 48, filler: 2, writer: writer)
      disk.isDirect = format == .raw
      return disk
    }
    let guest = try Guest(disks, .init(writer: writer, hasIOThread: true), in: scratch)
    try guest.waitUntilUp()
    let watch = SerialWatch(guest.serial)
    try guest.waitForMore(40)
    let monitor = try guest.monitor.get()
    #expect(try monitor.runState == "running")

    // What is taken here is whole, but old.
    try monitor.execute("stop")
    let early = guest.serial.lastAcknowledged
    let old = try disks.map { try $0.copied(in: scratch) }
    usleep(300_000)
    #expect(guest.serial.lastAcknowledged == early)
    try monitor.execute("cont")
    try guest.waitForMore(100)
    #expect(watch.longestSilence() >= 0.3)
    guest.kill()
    let late = guest.serial.lastAcknowledged
    #expect(late > early && guest.serial.acknowledged.first == 3)

    let mixture = [try old[0].copied(in: scratch), try disks[1].copied(in: scratch)]
    let halved = try disks[0].withoutHalfOfWhatChanged(
      since: ImageFile(old[0].path), in: scratch)
    let now = try guest.check(in: scratch)
    #expect(now.isWhole && now.newest >= late, "\(now)")
    let then = try guest.check(old, acknowledged: early, in: scratch)
    #expect(then.isWhole, "\(then)")

    let outdated = try guest.check(old, in: scratch)
    #expect(!outdated.isWhole && outdated.isSoundFileSystem && outdated.lostCount > 10)
    let torn = try guest.check(mixture, acknowledged: early, in: scratch)
    #expect(!torn.isWhole, "disks of two moments: \(torn)")
    let dropped = try guest.check([halved, disks[1]], in: scratch)
    #expect(!dropped.isWhole && dropped.lostCount > 0, "\(dropped)")
  }

  /// The writer is the same program on this machine, where a test of other writers needs no guest.
  @Test func aTornBlockIsSeen() throws {
    let parts = try GuestParts.shared.get()
    let image = scratch.path("written")
    try Command.succeed(parts.writer, "fill", "slots=64", image)
    var command = Command(parts.writer, "write", "slots=64", "rate=500", image)
    command.timeoutSeconds = 1
    let written = try command.run().output
    let last = try #require(written.split(separator: "\n").last?.split(separator: " ").last)
    func check() throws -> Outcome {
      try Command(parts.writer, "check", "slots=64", "acknowledged=\(last)", image).run()
    }
    #expect(try check().status == 0)
    try ImageFile(image).write(Data([1, 2, 3]), at: 10 * 4096 + 2000)
    let torn = try check()
    #expect(torn.status == 1 && torn.output.contains("torn: slot 10 "), "\(torn)")
  }

  /// The line is as narrow as it says, and what goes over it is counted.
  @Test(.needs(.narrowLines)) func aNarrowLineIsNarrow() throws {
    let line = try NarrowLine(rate: "100mbit")
    let shell = try SecureShell(over: line)
    let before = try line.byteCounts
    let client = shell.client.map(Blkmove.quoted).joined(separator: " ")
    let outcome = try Command(
      "bash", "-c", "head -c 12500000 /dev/urandom | \(client) anyhost 'wc -c'"
    ).run()
    #expect(outcome.output == "12500000\n", "\(outcome)")
    #expect((0.9...4).contains(outcome.elapsedSeconds), "\(outcome)")
    let sent = try line.byteCounts.sent - before.sent
    #expect((12_500_000...14_500_000).contains(sent))
  }

  @Test(.needs(.virtualMachines)) func aMonitorBehindARelayIsCut() throws {
    let guest = try Guest([], .init(writer: GuestWriter(isIdle: true)), in: scratch)
    #expect(try guest.monitor.get().runState == "running")
    let relay = try SocketRelay(to: guest.qmpPath, at: scratch.path("relay"))
    let first = try QmpMonitor(relay.path)
    #expect(try first.runState == "running")
    relay.cut()
    #expect(throws: FixtureError.self) { try first.runState }
    let second = try QmpMonitor(relay.path)
    #expect(try second.runState == "running")
    #expect(try guest.leftovers == [])
    try second.execute("blockdev-add", ["driver": "null-co", "node-name": "scratch"])
    try second.execute(
      "block-dirty-bitmap-add", ["node": "scratch", "name": "b", "disabled": true])
    #expect(try guest.leftovers == ["node scratch", "bitmap b on scratch"])
  }
}
