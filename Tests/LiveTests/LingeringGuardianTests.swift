// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import Live

struct LingeringGuardianTests {
  /// Watches over the test itself, which lives.
  @Test func theGuardianOfALivingRunIsNone() throws {
    let subject = "image:/one/\(UInt64.random(in: 0...UInt64.max))"
    let guardian = try GuardianProcess.start(program: GuardedRun.program, of: subject)
    #expect(LingeringGuardian.find(subject) == nil)
    guardian.finish()
  }
}
