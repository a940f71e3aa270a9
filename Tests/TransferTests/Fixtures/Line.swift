// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import Transfer

/// What lies between two ends: one socket pair for each direction, so that closing an output is
/// seen at the other end, as with the pipes of a remote shell.
struct Line {
  /// The two descriptors of one end. Whoever gets them closes them.
  struct End: Sendable {
    let input: Int32
    let output: Int32
  }

  let near: End
  let far: End

  init() {
    signal(SIGPIPE, SIG_IGN)
    let (there, back) = (Self.pair(), Self.pair())
    near = End(input: back.0, output: there.0)
    far = End(input: there.1, output: back.1)
  }

  private static func pair() -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    precondition(socketpair(AF_UNIX, kind, 0, &ends) == 0, "no socket pair")
    return (ends[0], ends[1])
  }
}

extension Connection {
  convenience init(
    _ end: Line.End, otherEnd: String? = nil, counters: Counters = Counters(),
    timeoutSeconds: Int? = nil, bandwidthLimit: UInt64? = nil
  ) {
    self.init(
      input: end.input, output: end.output, otherEnd: otherEnd, counters: counters,
      timeoutSeconds: timeoutSeconds, bandwidthLimit: bandwidthLimit)
  }
}
