// SPDX-License-Identifier: Apache-2.0

import Testing
import Transfer

@testable import Live

struct LingeringGuardianTests {
  /// Other tests may have guardians of their own, which watch over living runs.
  @Test func theGuardianOfALivingRunIsNone() throws {
    let guardian = try GuardianProcess.start(program: GuardedRun.program)
    #expect(LingeringGuardian.find() != guardian.process)
    guardian.finish()
  }
}
