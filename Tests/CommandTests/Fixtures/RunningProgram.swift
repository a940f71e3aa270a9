// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The built program in the middle of a run: its remote shell has said `ready` and nothing else,
/// so that the run waits for as long as it is left alone.
final class RunningProgram {
  static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("blkmove").path

  private let process = Process()
  private let output = Pipe()
  private let errors: FileHandle
  private var said = ""

  /// - Parameters:
  ///   - prelude: what the shell that becomes the program does first.
  ///   - terminal: where standard error goes instead of into a pipe: both ends of a terminal.
  init(
    _ options: [String], prelude: String = ":", environment: [String: String] = [:],
    terminal: (master: FileHandle, slave: FileHandle)? = nil
  ) throws {
    let silentShell = "sh -c 'echo ready >&2; cat >/dev/null; :' sh"
    // Whoever runs the tests may ignore signals, as nohup does; the program would too.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "--default-signal=HUP,INT,TERM,USR1", "/bin/sh", "-c", "\(prelude); exec \"$0\" \"$@\"",
        Self.binary, "-e", silentShell,
      ] + options
      + [Project.directory.appendingPathComponent("Package.swift").path, "host:x"]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    if let terminal {
      process.standardError = terminal.slave
      errors = terminal.master
    } else {
      let pipe = Pipe()
      process.standardError = pipe
      errors = pipe.fileHandleForReading
    }
    try process.runUnblocked()
    try terminal?.slave.close()
    // A time limit does not end a read that waits; the end of the program does.
    DispatchQueue.global().asyncAfter(deadline: .now() + Self.maximumSeconds) { [process] in
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
  }

  private static let maximumSeconds = 30.0

  /// Reads standard error until a text stands in it; false when it ends without.
  func waits(for text: String) -> Bool {
    while !said.contains(text) {
      if !listens() { return false }
    }
    return true
  }

  /// Adds what is said next. False at the end, which a terminal tells by an error.
  private func listens() -> Bool {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(errors.fileDescriptor, &bytes, bytes.count)
    guard count > 0 else { return false }
    said += String(decoding: bytes[..<count], as: UTF8.self)
    return true
  }

  func send(_ signal: Int32) {
    kill(process.processIdentifier, signal)
  }

  struct End {
    var status: Int32
    var output: String
    var errors: String
  }

  func end() -> End {
    while listens() {}
    let output = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let status = process.terminationStatus
    let signal: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
    return End(
      status: status + signal, output: String(decoding: output, as: UTF8.self), errors: said)
  }
}
