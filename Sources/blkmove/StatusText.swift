// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage

/// What `blkmove status` says of an image, for people and for programs.
struct StatusText {
  private let status: ImageStatus

  init(_ status: ImageStatus) {
    self.status = status
  }

  /// Of the image as it was at the end of the last run, unless it was changed since.
  var digest: Digest? {
    guard let memory = status.memory, memory.header.state == .closed, memory.since != .changed
    else { return nil }
    return memory.header.imageDigest
  }

  var lines: [String] {
    let kind = status.kind == .file ? "file" : "device"
    var lines = ["\(status.name): \(kind), \(ByteText.both(status.byteCount))"]
    lines.append("  state: \(state)")
    guard let memory = status.memory else {
      return lines + ["  remembered: nothing"]
    }
    let header = memory.header
    if let digest { lines.append("  digest: \(digest.hexadecimal)") }
    if header.generation > 0 {
      let verb = header.role == .target ? "from" : "to"
      lines.append("  last run: \(verb) \(header.peer), \(Self.date(header.nanoseconds))")
      lines.append("  generation: \(header.generation)")
    }
    lines.append("  since then: \(since)")
    lines.append("  manifest: \(memory.path)")
    return lines
  }

  private var state: String {
    if let part = status.partName { return "not there yet; what has arrived is in \(part)" }
    if status.isUnfinished { return "unfinished: a copy onto it was begun and not completed" }
    return "complete"
  }

  private var since: String {
    guard let memory = status.memory else { return "unknown" }
    if memory.header.state != .closed { return "a run was begun, and its end is not remembered" }
    switch memory.since {
    case .unchanged: return "unchanged"
    case .changed: return "changed; the next run reads it"
    case .unknown: return "unknown, a device does not tell"
    }
  }

  var object: JSONValue {
    let header = status.memory?.header
    return .object([
      "type": .string("status"),
      "image": .string(status.name),
      "kind": .string(status.kind == .file ? "file" : "device"),
      "image_bytes": .integer(status.byteCount),
      "is_unfinished": .boolean(status.isUnfinished),
      "part_file": .optional(status.partName),
      "digest": .optional(digest?.hexadecimal),
      "peer": .optional(header?.peer),
      "role": .optional(header.map { $0.role == .target ? "target" : "source" }),
      "generation": .optional(header?.generation),
      "last_run": .optional(header.map { Self.date($0.nanoseconds) }),
      "since": .optional(status.memory?.since.rawValue),
      "is_remembered_whole": .boolean(header?.state == .closed),
      "manifest": .optional(status.memory?.path),
    ])
  }

  /// As ISO 8601 has it, in universal time.
  static func date(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = unsafe tm()
    unsafe gmtime_r(&seconds, &parts)
    let (year, month, day) = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
    let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(second))Z"
  }
}
