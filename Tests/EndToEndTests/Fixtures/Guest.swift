// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A virtual machine that runs: a real kernel that boots from an initrd, mounts its disks and
/// writes to them, acknowledging what is on them on its serial line. It ends with whoever holds it.
final class Guest {
  struct Options: Sendable {
    var writer = GuestWriter()
    var hasIOThread = false
    /// Where its state comes from, as `-incoming` takes it, when it goes on with another's life.
    var incoming: String?
    var memoryMebibytes = 160
    /// What QEMU calls how it runs guests; without hardware for it, it translates.
    var accelerator = ProcessInfo.processInfo.environment["BLKMOVE_TEST_ACCELERATOR"] ?? "tcg"
  }

  let disks: [GuestDisk]
  let options: Options
  let serial: SerialLine
  /// The monitor for blkmove.
  let qmpPath: String
  /// The monitor for the tests, open when first used.
  private(set) lazy var monitor = Result { try QmpMonitor(self.ownPath) }
  private let ownPath: String
  private let machine: RunningCommand
  private let duty: Int

  init(_ disks: [GuestDisk], _ options: Options = Options(), in scratch: Scratch) throws {
    self.disks = disks
    self.options = options
    let base = scratch.newPath("vm")
    serial = SerialLine(path: base + ".serial")
    qmpPath = base + ".qmp"
    ownPath = base + ".own"
    let parts = try GuestParts.shared.get()
    // On a busy machine the kernel would take its timer for broken.
    let kernel = ["console=ttyS0", "quiet", "panic=-1", "no_timer_check"]
    var words = [
      "qemu-system-x86_64", "-accel", options.accelerator, "-M", "q35", "-cpu", "max", "-m",
      "\(options.memoryMebibytes)", "-nodefaults", "-no-user-config", "-display", "none",
      "-no-reboot", "-serial", "file:\(serial.path)",
      "-qmp", "unix:\(qmpPath),server=on,wait=off", "-qmp", "unix:\(ownPath),server=on,wait=off",
      "-kernel", parts.kernel, "-initrd", parts.initrd, "-append",
      (kernel + options.writer.kernelWords(diskCount: disks.count)).joined(separator: " "),
    ]
    if options.hasIOThread { words += ["-object", "iothread,id=io0"] }
    for (number, disk) in disks.enumerated() {
      words += disk.words(number: number, hasIOThread: options.hasIOThread)
    }
    if let incoming = options.incoming { words += ["-incoming", incoming] }
    machine = try Command(words).start()
    // Unless that number means another process by then.
    let number = machine.identifier
    duty = Janitor.shared.atEnd(
      "grep -q '\(qmpPath)' /proc/\(number)/cmdline && kill -9 \(number)")
  }

  deinit {
    kill()
    Janitor.shared.forget(duty)
  }

  var identifier: pid_t { machine.identifier }
  var isRunning: Bool { !machine.isOver }

  /// As a power cut for the guest. What it has flushed is in the files.
  func kill() {
    Glibc.kill(machine.identifier, SIGKILL)
    machine.wait()
  }

  /// Waits until so many more writes are acknowledged than are now.
  func waitForMore(_ count: Int, withinSeconds seconds: Double = 60) throws {
    let before = serial.acknowledged.count
    try wait("\(count) more acknowledgements", withinSeconds: seconds) {
      serial.acknowledged.count >= before + count
    }
  }

  /// Waits until it is up, which includes booting.
  func waitUntilUp(withinSeconds seconds: Double = 90) throws {
    try wait("a guest that is up", withinSeconds: seconds) { serial.signCount > 0 }
  }

  /// What a move has added to the machine and not taken away, in words; nothing is as it should be.
  var leftovers: [String] {
    get throws {
      let monitor = try monitor.get()
      var found: [String] = []
      for block in try monitor.execute("query-block") as? [[String: Any]] ?? [] {
        let inserted = block["inserted"] as? [String: Any] ?? [:]
        for limit in ["iops", "iops_rd", "iops_wr", "bps", "bps_rd", "bps_wr"] {
          if let value = inserted[limit] as? Int, value != 0 { found.append("\(limit)=\(value)") }
        }
      }
      let nodes = try monitor.execute("query-named-block-nodes") as? [[String: Any]] ?? []
      for node in nodes {
        let name = node["node-name"] as? String ?? ""
        if !name.hasPrefix("disk") && !name.hasPrefix("file") { found.append("node \(name)") }
        let bitmaps = node["dirty-bitmaps"] as? [[String: Any]] ?? []
        found += bitmaps.map { "bitmap \($0["name"] ?? "") on \(name)" }
      }
      let exports = try monitor.execute("query-block-exports") as? [[String: Any]] ?? []
      found += exports.map { "export \($0["id"] ?? "")" }
      return found
    }
  }

  func wait(
    _ what: String, withinSeconds seconds: Double, until isSo: () throws -> Bool
  ) throws {
    let deadline = Date() + seconds
    while try !isSo() {
      guard Date() < deadline, isRunning else {
        let said = serial.text.suffix(500)
        throw FixtureError("waited for \(what): \(said)\n\(machine.errorSoFar)")
      }
      usleep(20_000)
    }
  }

  /// Looks at disks that hold, or should hold, what was acknowledged up to a number.
  func check(
    _ disks: [GuestDisk]? = nil, acknowledged: UInt64? = nil, in scratch: Scratch
  ) throws -> GuestCheck {
    try options.writer.check(
      disks ?? self.disks, acknowledged: acknowledged ?? serial.lastAcknowledged, in: scratch)
  }
}
