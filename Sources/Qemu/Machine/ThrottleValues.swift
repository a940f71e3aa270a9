// SPDX-License-Identifier: Apache-2.0

/// The limits that a disk of a machine has, as QEMU tells and takes them.
///
/// Values that QEMU does not let be set together are not: where its owner has limited reads and
/// writes as one, we can only lower that.
package struct ThrottleValues: Equatable, Sendable {
  /// In QEMU's names. 0 is no limit.
  private var values: [String: Int64] = [:]
  /// Disks with one name share their limits.
  private var group: String?

  private static let rates = ["bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"]
  private static let names =
    rates + rates.map { "\($0)_max" } + rates.map { "\($0)_max_length" } + ["iops_size"]

  /// Limits that we set where there were none bear this name, so that a later run knows whose
  /// they are.
  static let ownGroupPrefix = "blkmove-"

  /// From what `query-block` says of a medium. Limits that an earlier run of ours left behind
  /// read as none.
  init(medium: JSON) {
    group = medium["group"]?.string
    if group?.hasPrefix(Self.ownGroupPrefix) == true {
      group = nil
      return
    }
    for name in Self.names {
      if let value = medium[name]?.integer, value != 0 { values[name] = value }
    }
  }

  package var isEmpty: Bool { values.isEmpty }

  /// The same with at most so many writes a second.
  func slowed(writesPerSecond: Int, group own: String) -> ThrottleValues {
    var result = self
    let name = values["iops"] == nil ? "iops_wr" : "iops"
    let limit = Int64(max(writesPerSecond, 1))
    result.values[name] = min(limit, values[name] ?? limit)
    // What may be done in a burst is no slower than what may be done for long.
    for suffix in ["_max", "_max_length"] { result.values[name + suffix] = nil }
    // Otherwise a large write could count as many, or many small ones as one.
    result.values["iops_size"] = nil
    if isEmpty { result.group = own }
    return result
  }

  /// - Parameter device: as QEMU wants it named.
  func command(for device: MachineDisk.Device) -> QmpCommand {
    var members = Self.rates.map { JSON.Member(name: $0, value: .integer(values[$0] ?? 0)) }
    for name in Self.names.dropFirst(Self.rates.count) {
      if let value = values[name] {
        members.append(JSON.Member(name: name, value: .integer(value)))
      }
    }
    if let group { members.append(JSON.Member(name: "group", value: .string(group))) }
    members.append(device.member)
    return QmpCommand("block_set_io_throttle", arguments: .object(members))
  }
}
