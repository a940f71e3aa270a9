// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `make install` puts all in its place, and what is there works.
@Suite(.endsInTime) struct Installed {
  private let scratch = Scratch()

  /// A manual page without the overstrikes that make it bold on a printer.
  private static func plain(_ page: String) -> String {
    page.replacingOccurrences(of: ".\u{8}", with: "", options: .regularExpression)
  }

  @Test func everythingIsInItsPlace() throws {
    // A build of its own would take minutes: what these tests were built with is installed.
    var make = Command(
      "make", "-C", Tool.checkout, "install", "DESTDIR=\(scratch.path)", "PREFIX=/opt/blkmove",
      "release=\(Blkmove.binary)", "--old-file=\(Blkmove.binary)")
    make.environment["PATH"] = ProcessInfo.processInfo.environment["PATH"]
    make.environment["HOME"] = ProcessInfo.processInfo.environment["HOME"]
    make.timeoutSeconds = 280
    let made = try make.run()
    #expect(made.status == 0, "\(made)")
    let root = scratch.path("opt/blkmove")
    let manager = FileManager.default
    for file in [
      "bin/blkmove", "share/man/man1/blkmove.1", "share/bash-completion/completions/blkmove",
      "share/zsh/site-functions/_blkmove", "share/fish/vendor_completions.d/blkmove.fish",
    ] {
      #expect(manager.fileExists(atPath: "\(root)/\(file)"), "no \(file)")
    }
    let version = try Command("\(root)/bin/blkmove", "--version").run()
    #expect(version.status == 0 && version.output.hasPrefix("blkmove "), "\(version)")
    let page = try Command("mandoc", "-T", "utf8", "\(root)/share/man/man1/blkmove.1").run()
    #expect(page.status == 0 && Self.plain(page.output).contains("EXIT STATUS"), "\(page)")
    let lint = try Command(
      "mandoc", "-T", "lint", "-W", "warning", "\(root)/share/man/man1/blkmove.1"
    )
    .run()
    #expect(lint.status == 0, "\(lint)")
    let completion = try Command(
      "bash", "-n", "\(root)/share/bash-completion/completions/blkmove"
    ).run()
    #expect(completion.status == 0, "\(completion)")
  }
}
