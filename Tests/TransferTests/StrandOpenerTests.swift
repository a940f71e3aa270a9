// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

/// What further connections are started with. How they are opened is tested over a real ssh.
@Suite struct StrandOpenerTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var shell: [String]
    var words: [String]
    var testDescription: String { shell.joined(separator: " ") }
  }

  @Test(arguments: [
    Case(
      shell: ["ssh"],
      words: ["ssh", "-o", "BatchMode=yes", "-o", "ControlMaster=no", "-S", "none"]),
    Case(
      shell: ["/usr/bin/ssh", "-p", "22", "-S", "/tmp/x"],
      words: [
        "/usr/bin/ssh", "-o", "BatchMode=yes", "-p", "22", "-S", "/tmp/x", "-o",
        "ControlMaster=no", "-S", "none",
      ]),
    Case(shell: ["rsh"], words: ["rsh"]),
    Case(shell: ["sshpass", "-e", "ssh"], words: ["sshpass", "-e", "ssh"]),
  ])
  func sshAsksNobodyAndSharesNothing(test: Case) {
    var settings = Settings()
    settings.remoteShell = test.shell
    #expect(StrandOpener.quiet(settings).remoteShell == test.words)
  }
}
