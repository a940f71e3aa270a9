// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A guest that runs on this machine, and a directory at the other end for its disks.
struct LiveSite {
  /// What the guest's disks are.
  struct Shape: Sendable, CustomTestStringConvertible {
    var format = GuestDisk.Format.raw
    var isOnDevice = false
    var hasIOThread = false
    var diskCount = 1
    /// Whether QEMU goes past the page cache.
    var isDirect = false
    /// Whether there are old copies of the disks at the other end.
    var hasSiblings = false

    var testDescription: String {
      var words = [format.rawValue, isOnDevice ? "on a loop device" : "in a file"]
      words.append(diskCount == 1 ? "one disk" : "\(diskCount) disks")
      if hasIOThread { words.append("iothread") }
      if isDirect { words.append("direct") }
      if hasSiblings { words.append("siblings") }
      return words.joined(separator: ", ")
    }

    /// Every combination.
    static let all: [Shape] = [false, true].flatMap { hasIOThread in
      [1, 2].flatMap { diskCount in
        GuestDisk.Format.allCases.flatMap { format in
          [false, true].map { isOnDevice in
            Shape(
              format: format, isOnDevice: isOnDevice, hasIOThread: hasIOThread,
              diskCount: diskCount, isDirect: hasIOThread != (diskCount == 2),
              hasSiblings: hasIOThread != isOnDevice)
          }
        }
      }
    }
  }

  let scratch: Scratch
  let shape: Shape
  let guest: Guest
  /// The directory at the other end.
  let there: String
  /// The sshd at the other end, when it is not the one that tests share.
  var shell: SecureShell?

  /// Boots it and waits until it writes.
  init(
    _ shape: Shape = Shape(), writer: GuestWriter = GuestWriter(slotCount: 2048, rate: 400),
    mebibytes: Int = 64, filler: Int = 8, in scratch: Scratch
  ) throws {
    self.scratch = scratch
    self.shape = shape
    there = scratch.path("there", isDirectory: true)
    let disks = try (0..<shape.diskCount).map { number in
      var disk = try GuestDisk.make(
        in: scratch, named: Self.name(number, shape), format: shape.format,
        onDevice: shape.isOnDevice, mebibytes: mebibytes, filler: filler, writer: writer)
      disk.isDirect = shape.isDirect
      return disk
    }
    if shape.hasSiblings, shape.format == .raw {
      for disk in disks {
        let name = URL(fileURLWithPath: disk.path).lastPathComponent
        try Command.succeed("cp", "--sparse=always", disk.path, "\(there)/\(name)")
      }
    }
    guest = try Guest(disks, .init(writer: writer, hasIOThread: shape.hasIOThread), in: scratch)
    try guest.waitUntilUp()
  }

  private static func name(_ number: Int, _ shape: Shape) -> String {
    "disk\(number)." + (shape.format == .raw ? "img" : shape.format.rawValue)
  }

  /// The place for the disks as the command wants it.
  var target: String { "\(Blkmove.host):\(there)/" }

  /// `blkmove --live qmp:SOCKET ...`, through another socket if one stands before QEMU's.
  func mover(_ options: String..., through qmp: String? = nil) -> Blkmove {
    var mover = Blkmove(.push)
    mover.options = ["--live", "qmp:\(qmp ?? guest.qmpPath)"] + options
    mover.shell = shell
    mover.timeoutSeconds = 120
    return mover
  }

  /// What is at the other end now, in the order of the guest's disks.
  var targets: [GuestDisk] {
    get throws {
      let names = try FileManager.default.contentsOfDirectory(atPath: there)
      return try guest.disks.map { disk in
        let stem = URL(fileURLWithPath: disk.path).deletingPathExtension().lastPathComponent
        guard let name = names.first(where: { $0 == stem || $0.hasPrefix("\(stem).") }) else {
          throw FixtureError("no \(stem) among \(names)")
        }
        let path = "\(there)/\(name)"
        let head = try ImageFile(path).read(4, at: 0)
        let isCopyOnWrite = head == Data([0x51, 0x46, 0x49, 0xFB])
        return GuestDisk(path: path, format: isCopyOnWrite ? .qcow2 : .raw)
      }
    }
  }

  /// The disks at the other end hold all that was acknowledged up to a number, which is the last
  /// if the guest stands still.
  func expectNothingLost(
    acknowledged: UInt64? = nil, after run: Blkmove.Run,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let check = try guest.check(
      targets.map { try $0.copied(in: scratch) }, acknowledged: acknowledged, in: scratch)
    #expect(
      check.isWhole, "\(shape.testDescription): \(check) after \(run)",
      sourceLocation: sourceLocation)
  }

  /// Nothing that the move needed is left in the machine.
  func expectNoLeftovers(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try guest.leftovers == [], sourceLocation: sourceLocation)
  }
}
