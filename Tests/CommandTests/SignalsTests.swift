// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import blkmove

@Suite(.serialized) struct SignalsTests {
  /// Runs in a thread of its own, because what is blocked is blocked in a thread.
  private func inThread(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      Thread {
        body()
        continuation.resume()
      }.start()
    }
  }

  @Test func theyAreWaitedForAndNotHandled() async {
    await inThread {
      let signals = Signals.block()
      #expect(signals.next(within: 0.01) == .nothing)
      pthread_kill(pthread_self(), SIGUSR1)
      #expect(signals.next(within: 1) == .status)
      for number in [SIGINT, SIGTERM, SIGHUP] {
        pthread_kill(pthread_self(), number)
        #expect(signals.next(within: 1) == .interrupt(number))
      }
      #expect(signals.next(within: 0) == .nothing)
    }
  }
}
