// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct WorkerThreadTests {
  @Test func itRunsAndIsJoined() {
    let state = Monitor(0)
    let threads = (0..<8).map { _ in WorkerThread { state.update { $0 += 1 } } }
    for thread in threads { thread.join() }
    #expect(state.peek { $0 } == 8)
  }

  @Test func noPeerChoosesTheMemoryOfScanning() {
    #expect((1...8).contains(WorkerThread.count(for: 0)))
    #expect(WorkerThread.count(for: 1) == 1)
    #expect(WorkerThread.count(for: 256) == 256)
    #expect(WorkerThread.count(for: 257) == 256)
    #expect(WorkerThread.count(for: .max) == 256)
  }
}
