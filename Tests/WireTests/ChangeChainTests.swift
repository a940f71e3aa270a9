// SPDX-License-Identifier: Apache-2.0

import Blocks
import Testing
import Wire

@Suite struct ChangeChainTests {
  private static func chain(_ build: (inout ChangeChain) -> Void) -> Digest {
    var chain = ChangeChain()
    build(&chain)
    return chain.finish()
  }

  @Test func zerosCountAsOneRunHoweverTheyAreCut() {
    let whole = Self.chain { $0.add(zeros: 3..<1 << 40) }
    let parts = Self.chain {
      $0.add(zeros: 3..<4)
      $0.add(zeros: 4..<4)
      $0.add(zeros: 4..<1 << 40)
    }
    #expect(whole == parts)
    let gap = Self.chain {
      $0.add(zeros: 3..<4)
      $0.add(zeros: 5..<1 << 40)
    }
    #expect(gap != whole)
  }

  @Test func everythingCounts() {
    let digest = GoldenMessage.digest
    let chains = [
      Self.chain { _ in },
      Self.chain { $0.add(segment: 0, digest: digest(1)) },
      Self.chain { $0.add(segment: 1, digest: digest(1)) },
      Self.chain { $0.add(segment: 0, digest: digest(2)) },
      Self.chain { $0.add(zeros: 0..<1) },
      Self.chain {
        $0.add(segment: 0, digest: digest(1))
        $0.add(segment: 1, digest: digest(2))
      },
      Self.chain {
        $0.add(segment: 1, digest: digest(2))
        $0.add(segment: 0, digest: digest(1))
      },
    ]
    #expect(Set(chains).count == chains.count)
  }
}
