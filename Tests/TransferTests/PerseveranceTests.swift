// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

/// How often, after how long, and after which failures a run is taken up again.
@Suite struct PerseveranceTests {
  /// Fails in these ways, one after the other, then succeeds; gives what was waited.
  private func run(
    retryCount: Int, _ failures: [(TransferError, UInt64)]
  ) -> (result: Result<Int, TransferError>, delays: [Double], attemptCount: Int) {
    let counters = Counters()
    var (delays, attemptCount) = ([Double](), 0)
    var perseverance = Perseverance(
      retryCount: retryCount, counters: counters, announce: { _ in })
    perseverance.sleep = { delays.append($0) }
    do throws(TransferError) {
      let value = try perseverance.run { () throws(TransferError) -> Int in
        attemptCount += 1
        guard attemptCount <= failures.count else { return attemptCount }
        let (error, byteCount) = failures[attemptCount - 1]
        counters.add(byteCount, to: .wireSent)
        throw error
      }
      return (.success(value), delays, attemptCount)
    } catch {
      return (.failure(error), delays, attemptCount)
    }
  }

  @Test func aLostConnectionIsMadeAgain() throws {
    let outcome = run(retryCount: 3, [(.lost, 0), (.lost, 0), (.lost, 0)])
    #expect(try outcome.result.get() == 4 && outcome.delays == [1, 2, 4])
  }

  @Test func itEndsWithTheLastFailure() {
    let outcome = run(retryCount: 2, [(.lost, 0), (.lost, 0), (.lost, 0)])
    #expect(outcome.result == .failure(.lost) && outcome.attemptCount == 3)
    #expect(run(retryCount: 0, [(.lost, 0)]).attemptCount == 1)
  }

  @Test func progressMakesThePatienceNew() throws {
    let cut = (TransferError.lost, UInt64(2 << 20))
    let outcome = run(retryCount: 1, [cut, cut, cut, cut])
    #expect(try outcome.result.get() == 5 && outcome.delays == [1, 1, 1, 1])
  }

  @Test func theDelayIsBounded() {
    let outcome = run(retryCount: 12, (0..<12).map { _ in (.lost, 0) })
    #expect(outcome.delays == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60])
  }

  @Test func otherFailuresAreFinal() {
    let full = TransferError(.target, "No space left on device", status: .failed)
    let breach = TransferError.breach("nonsense")
    for error in [full, breach] {
      #expect(run(retryCount: 9, [(error, 0)]).result == .failure(error))
    }
  }

  /// Only after a loss can the one that holds the target be our own past.
  @Test func aTargetThatIsStillHeldIsWaitedFor() throws {
    let held = TransferError(.target, "is in use", status: .refused)
    #expect(run(retryCount: 9, [(held, 0)]).result == .failure(held))
    #expect(try run(retryCount: 9, [(.lost, 0), (held, 0), (held, 0)]).result.get() == 4)
  }
}
