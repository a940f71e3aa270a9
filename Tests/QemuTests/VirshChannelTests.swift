// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Qemu

/// A script takes the place of virsh: what is tested is what we say and what we understand.
@Suite(.serialized, .timeLimit(.minutes(1))) struct VirshChannelTests {
  private let scratch = Scratch()

  private func withVirsh<Result>(
    _ script: String, _ body: (VirshChannel) throws -> Result
  ) throws -> Result {
    let path = scratch("virsh")
    try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
    chmod(path, 0o755)
    let before = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    setenv("PATH", "\(scratch.path):\(before)", 1)
    defer { setenv("PATH", before, 1) }
    return try body(try VirshChannel(domain: "web1"))
  }

  private func error(_ script: String, seconds: Double = 5) throws -> QmpError? {
    try withVirsh(script) { channel in
      do {
        _ = try channel.execute(QmpCommand("stop"), seconds: seconds)
        return nil
      } catch { return error as? QmpError }
    }
  }

  @Test func theCommandIsHandedOnAsOneWord() throws {
    let script = """
      test "$*" = '--quiet qemu-monitor-command --domain web1 --cmd {"execute":"query-status"}' &&
      echo '{"return":{"status":"running"},"id":"libvirt-7"}'
      """
    let answer = try withVirsh(script) { try $0.execute("query-status") }
    #expect(answer["status"]?.string == "running")
  }

  @Test func refusalsAreTheMachinesOwn() throws {
    let error = try error(
      #"echo '{"id":"libvirt-1","error":{"class":"GenericError","desc":"cannot"}}'"#)
    #expect(error?.kind == .refused(class: "GenericError"))
    #expect(error?.description == "libvirt:web1: stop: cannot")
  }

  @Test func failuresOfVirshAreSaid() throws {
    let gone = try error("echo 'error: Domain not found' >&2; echo >&2; exit 1")
    #expect(gone?.kind == .lost)
    #expect(gone?.description == "libvirt:web1: stop: error: Domain not found")
    #expect(try error("exit 3")?.description == "libvirt:web1: stop: virsh ended with status 3")
    #expect(try error("echo nonsense")?.kind == .malformed)
    #expect(try error("sleep 5", seconds: 0.2)?.kind == .late)
    #expect(try error("exec head -c 20000000 /dev/zero")?.kind == .malformed)
  }

  @Test func anOptionIsNoDomain() {
    for name in ["", "--help"] {
      #expect(throws: QmpError.self) { try VirshChannel(domain: name) }
    }
  }
}
