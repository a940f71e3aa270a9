// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A disk as a guest has it: an ext4 with the writer's file in it and some other content, in a file
/// or on a loop device, raw or qcow2.
struct GuestDisk: Sendable {
  enum Format: String, CaseIterable, Sendable {
    case raw, qcow2
  }

  var path: String
  var format = Format.raw
  /// Whether QEMU goes past the page cache, as most machines in production do.
  var isDirect = false
  /// Held so that it stays attached.
  var device: LoopDevice?

  /// A disk of so many mebibytes that was never written to by a guest, with so many mebibytes in
  /// it that nothing compresses. The writer's file has all its slots, so that what the
  /// guest changes is what it writes, and not where.
  static func make(
    in scratch: Scratch, named name: String? = nil, format: Format = .raw, onDevice: Bool = false,
    mebibytes: Int = 96, filler: Int = 16, writer: GuestWriter
  ) throws -> GuestDisk {
    let content = scratch.newPath("content")
    try FileManager.default.createDirectory(atPath: content, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: content) }
    try Command.succeed(
      try GuestParts.shared.get().writer, "fill", "slots=\(writer.slotCount)",
      "\(content)/written")
    _ = try ImageFile.full(
      in: scratch, byteCount: UInt64(filler) << 20, seed: .random(in: 1...UInt64.max)
    ).moved(to: "\(content)/other")
    let isRaw = format == .raw
    let raw = try ImageFile.make(
      in: scratch, named: isRaw ? name : nil, byteCount: UInt64(mebibytes) << 20)
    try Command.succeed("mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", content, raw.path)
    var disk = GuestDisk(path: raw.path, format: format)
    if !isRaw {
      disk.path = name.map { scratch.path($0) } ?? scratch.newPath("disk")
      try Command.succeed(
        "qemu-img", "convert", "-f", "raw", "-O", format.rawValue, raw.path, disk.path)
      try FileManager.default.removeItem(atPath: raw.path)
    }
    if onDevice {
      // A qcow2 grows; on a device there has to be room for it.
      if format != .raw { try Command.succeed("truncate", "-s", "\(mebibytes * 2)M", disk.path) }
      let device = try LoopDevice(over: disk.path)
      disk.device = device
      disk.path = device.path
    }
    return disk
  }

  /// The words that give it to QEMU as the disk of that number.
  func words(number: Int, hasIOThread: Bool) -> [String] {
    let driver = device == nil ? "file" : "host_device"
    let thread = hasIOThread ? ",iothread=io0" : ""
    let cache = "cache.direct=\(isDirect ? "on" : "off"),discard=unmap"
    return [
      "-blockdev", "driver=\(driver),node-name=file\(number),filename=\(path),\(cache)",
      "-blockdev", "driver=\(format.rawValue),node-name=disk\(number),file=file\(number)",
      "-device", "virtio-blk-pci,id=virtio\(number),drive=disk\(number)\(thread)",
    ]
  }

  /// The same content and format in a file.
  func copied(in scratch: Scratch) throws -> GuestDisk {
    GuestDisk(path: try ImageFile(path).copied(to: scratch).path, format: format)
  }

  /// What a run would leave that forgot every second page of those that it had to send since.
  func withoutHalfOfWhatChanged(since old: ImageFile, in scratch: Scratch) throws -> GuestDisk {
    let result = try copied(in: scratch)
    let (new, target) = (ImageFile(path), ImageFile(result.path))
    var changedCount = 0
    let (step, end) = (UInt64(1 << 20), try new.byteCount)
    for offset in stride(from: 0, to: end, by: Int(step)) {
      let before = try old.read(Int(step), at: offset)
      let after = try new.read(Int(step), at: offset)
      if before == after { continue }
      for start in stride(from: 0, to: after.count, by: 4096) {
        let page = start..<min(start + 4096, after.count, before.count)
        if before[page] == after[page] { continue }
        changedCount += 1
        if changedCount % 2 == 0 { try target.write(before[page], at: offset + UInt64(start)) }
      }
    }
    guard changedCount > 1 else { throw FixtureError("\(path) has not changed") }
    return result
  }
}

extension ImageFile {
  /// The same file under another name.
  func moved(to path: String) throws -> ImageFile {
    try FileManager.default.moveItem(atPath: self.path, toPath: path)
    return ImageFile(path)
  }
}
