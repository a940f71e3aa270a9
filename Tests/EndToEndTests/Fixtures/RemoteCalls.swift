// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The calls of the remote shell that one run makes, each with a number from 1 and a meter of its
/// own, and the servers that they start, likewise.
struct RemoteCalls {
  private let scratch: Scratch

  init(in scratch: Scratch) { self.scratch = scratch }

  /// A remote shell that does something before it becomes ssh. It finds the number of its call in
  /// `$n`, and leaves its process number. Call *n* is cut after `cuts[n - 1]` bytes.
  func shell(
    _ before: String = ":", server: SecureShell? = nil, cuts: [UInt64] = []
  ) throws -> String {
    let client = try (server ?? SecureShell.shared.get()).client.map(Blkmove.quoted)
    let cases = cuts.enumerated().map { "\($0 + 1)) cut='--at \($1) --cut';;" }
    return try scratch.writeScript(
      """
      #!/bin/sh
      cd '\(scratch.path)'
      n=1; until mkdir "call-$n" 2>/dev/null; do n=$((n + 1)); done
      echo $$ >"process-$n"
      \(before)
      case $n in
      \((cases + ["*) cut=;;"]).joined(separator: "\n"))
      esac
      exec '\(Tool.built("meter"))' --record "meter-$n" $cut -- \
        \(client.joined(separator: " ")) "$@"
      """, to: "remote-shell")
  }

  /// What the far end runs: what it is given and what it says is counted there as well.
  func server() throws -> String {
    try scratch.writeScript(
      """
      #!/bin/sh
      cd '\(scratch.path)'
      n=1; until mkdir "serving-$n" 2>/dev/null; do n=$((n + 1)); done
      exec '\(Tool.built("meter"))' --record "served-$n" -- '\(Blkmove.binary)' "$@"
      """, to: "remote-server")
  }

  var count: Int { scratch.names.filter { $0.hasPrefix("call-") }.count }

  func process(_ number: Int) -> pid_t? {
    (try? String(contentsOfFile: scratch.path("process-\(number)"), encoding: .utf8))
      .flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// What passed through one call, out and in.
  func metered(_ number: Int) -> Meter { Meter(recordedIn: scratch.path("meter-\(number)")) }

  /// What the server of one call was given, and what it said.
  func served(_ number: Int) -> Meter { Meter(recordedIn: scratch.path("served-\(number)")) }
}
