// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Finds out which disks a machine has that can be written, and what is to be known of each.
struct DiskSurvey {
  let channel: any QmpChannel
  /// Where a relative name begins, if that is known.
  let directory: String?

  /// Drivers under whose node there is nothing but the file.
  private static let plainFormats: Set<String> = ["raw", "file", "host_device"]
  private static let mostDisks = 256

  func disks() throws(QmpError) -> [MachineDisk] {
    let drives = try channel.execute("query-block").array ?? []
    if drives.count > Self.mostDisks {
      throw QmpError(
        .unsuitable, object: channel.object, sentence: "it has more than \(Self.mostDisks) drives")
    }
    let threads = try channel.execute("query-iothreads").array ?? []
    var disks: [MachineDisk] = []
    for drive in drives {
      if let disk = try disk(drive, hasThreads: !threads.isEmpty) { disks.append(disk) }
    }
    return disks
  }

  /// Nil when it is empty, read-only, or nobody's.
  private func disk(_ drive: JSON, hasThreads: Bool) throws(QmpError) -> MachineDisk? {
    guard let medium = drive["inserted"], medium["ro"]?.boolean == false,
      let node = medium["node-name"]?.string, !node.isEmpty,
      let format = medium["drv"]?.string
    else { return nil }
    guard let byteCount = medium["image"]?["virtual-size"]?.unsigned else {
      throw QmpError(
        .malformed, object: channel.object, sentence: "query-block: '\(node)' has no size")
    }
    let drive = (identifier: drive["qdev"]?.string, name: drive["device"]?.string ?? "")
    // A drive that no device of the machine uses is not its disk.
    guard let identifier = drive.identifier else { return nil }
    let file = medium["file"]?.string ?? ""
    let path = path(file)
    return MachineDisk(
      name: Self.name(identifier: identifier, drive: drive.name, node: node),
      device: .identifier(identifier), node: node, format: format,
      isRaw: Self.plainFormats.contains(format), path: path,
      fileName: path.flatMap(Self.lastPart) ?? "\(node.filter { $0 != "#" }).img",
      byteCount: byteCount, isInThread: hasThreads ? try isInThread(identifier) : false,
      throttle: ThrottleValues(medium: medium))
  }

  /// `/machine/peripheral/vd0/virtio-backend` is the user's `vd0`.
  private static func name(identifier: String, drive: String, node: String) -> String {
    if !drive.isEmpty { return drive }
    let parts = identifier.split(separator: "/")
    if parts.count == 1 { return identifier }
    if let place = parts.firstIndex(of: "peripheral"), place + 1 < parts.count {
      return String(parts[place + 1])
    }
    return node
  }

  /// QEMU names what is more than a file in other ways: `json:{...}`, `nbd://...`.
  private func path(_ file: String) -> String? {
    if file.hasPrefix("/dev/fdset/") { return nil }
    if file.hasPrefix("/") { return file }
    guard let directory, !file.isEmpty, !file.prefix(while: { $0 != "/" }).contains(":") else {
      return nil
    }
    return "\(directory)/\(file)"
  }

  private static func lastPart(_ path: String) -> String? {
    path.split(separator: "/").last.map(String.init)
  }

  /// Devices have their thread from themselves or from the controller that they sit on. Where
  /// nobody says, we take it that there is one.
  private func isInThread(_ identifier: String) throws(QmpError) -> Bool {
    var path = identifier
    for _ in 0..<Self.mostSteps {
      if let mapping = try property("iothread-vq-mapping", of: path), mapping != .null,
        mapping.array?.isEmpty != true
      {
        return true
      }
      if let thread = try property("iothread", of: path)?.string { return !thread.isEmpty }
      guard let bus = try property("parent_bus", of: path)?.string,
        let end = bus.lastIndex(of: "/"), end > bus.startIndex
      else { return false }
      path = String(bus[..<end])
    }
    return true
  }

  private static let mostSteps = 16

  private func property(_ name: String, of path: String) throws(QmpError) -> JSON? {
    do throws(QmpError) {
      return try channel.execute(
        "qom-get", ["path": .string(path), "property": .string(name)])
    } catch {
      if case .refused = error.kind { return nil }
      throw error
    }
  }
}
