// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// A running virtual machine, as somebody sees it who moves its disks: which it has, whether it
/// runs, how fast it may write.
///
/// It changes nothing by itself, and everything that it changes on demand can be undone by a list
/// of commands that is there before (`undo...`): for the guardian of a run, which must know how to
/// undo a thing before it is done.
///
/// ## Concurrency
/// Immutable; the channel orders the commands.
package final class VirtualMachine: Sendable {
  package let address: QmpAddress
  package let channel: any QmpChannel
  /// Part of all names that we give to things in this machine.
  package let token: RunToken
  /// Where QEMU was started, if that is known.
  private let directory: String?

  package init(at address: QmpAddress) throws(QmpError) {
    self.address = address
    token = RunToken()
    switch address {
    case .socket(let path):
      let socket = try QmpSocket(path: path)
      channel = socket
      directory = socket.peerProcess.flatMap(Self.directory)
    case .domain:
      channel = try address.connect()
      directory = nil
    }
  }

  /// At the other end of a socket that is connected already.
  package init(over socket: Int32, named name: String) throws(QmpError) {
    address = .socket(path: name)
    token = RunToken()
    channel = try QmpSocket(socket: socket, object: name)
    directory = nil
  }

  /// For sentences.
  package var name: String { channel.object }

  /// The working directory of a process.
  private static func directory(of process: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe readlink(
        "/proc/\(process)/cwd", bytes.baseAddress!.assumingMemoryBound(to: CChar.self),
        bytes.count)
    }
    guard count > 0, count < bytes.count, bytes[0] == UInt8(ascii: "/") else { return nil }
    return String(validating: bytes[..<count], as: UTF8.self)
  }

  // MARK: Disks

  /// The disks that it can write to.
  package func disks() throws(QmpError) -> [MachineDisk] {
    try DiskSurvey(channel: channel, directory: directory).disks()
  }

  // MARK: Running

  package func runState() throws(QmpError) -> RunState {
    let answer = try channel.execute("query-status")
    guard let name = answer["status"]?.string, let isRunning = answer["running"]?.boolean else {
      throw QmpError(
        .malformed, object: name, sentence: "query-status: it does not say whether it runs")
    }
    return RunState(name: name, isRunning: isRunning)
  }

  /// Returns when no processor of it runs, and all that its disks have acknowledged is in their
  /// files. Something is to be resumed only when this was asked of a running machine.
  package func pause(seconds: Double = pauseSeconds) throws(QmpError) {
    _ = try channel.execute(QmpCommand("stop"), seconds: seconds)
    let state = try runState()
    if state.isRunning {
      throw QmpError(
        .unsuitable, object: name, sentence: "it runs on although it was told to stop")
    }
  }

  /// A disk that answers slowly is waited for.
  package static let pauseSeconds = 30.0

  package func resume() throws(QmpError) {
    try channel.execute("cont")
  }

  /// As if its power were cut: its disks are elsewhere.
  package func quit() throws(QmpError) {
    try channel.execute("quit")
  }

  // MARK: Slowing down

  /// Limits the writes to a disk; limits that its owner has set are never raised.
  package func slowDown(_ disk: MachineDisk, writesPerSecond: Int) throws(QmpError) {
    let values = disk.throttle.slowed(writesPerSecond: writesPerSecond, group: groupName(of: disk))
    try channel.execute(values.command(for: disk.device))
  }

  package func speedUp(_ disk: MachineDisk) throws(QmpError) {
    for command in undoThrottle(of: disk) { try channel.execute(command) }
  }

  /// Gives a disk the limits that it had when it was found.
  package func undoThrottle(of disk: MachineDisk) -> [QmpCommand] {
    [disk.throttle.command(for: disk.device)]
  }

  /// Each disk has its limits for itself.
  private func groupName(of disk: MachineDisk) -> String { token.name("throttle-\(disk.node)") }
}
