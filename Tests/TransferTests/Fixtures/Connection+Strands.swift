// SPDX-License-Identifier: Apache-2.0

import Wire

@testable import Transfer

extension Connection {
  /// Gives a connection further ones, as if they had joined: the source is the client.
  func strand(_ ends: [Line.End], isSource: Bool, _ counters: Counters) {
    if ends.isEmpty { return }
    let strands = Strands(self, isSource: isSource, isServer: !isSource, counters: counters)
    self.strands = strands
    if isSource { strands.request(ends.count) { _ in } }
    for (index, end) in ends.enumerated() {
      let strand = Strand(input: end.input, output: end.output)!
      precondition(
        strands.attach(strand, FrameParser(awaitsMagic: false), number: index + 1))
    }
  }
}
