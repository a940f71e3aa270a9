// SPDX-License-Identifier: Apache-2.0

import Synchronization

@testable import Storage

/// Forces verdicts on chosen system calls, and remembers which calls were made.
///
/// ## Concurrency
/// All state is behind one mutex.
final class Faults: SystemCallHook {
  struct Rule: Sendable {
    var name: SystemCall.Name
    /// Counting from 0; nil is every time.
    var occurrence: Int?
    /// How many calls are let through first.
    var skipping = 0
    /// Only calls that touch one of these bytes.
    var range: Range<UInt64>?
    var verdict: SystemCallVerdict
  }

  private struct State {
    var rules: [Rule]
    var log: [SystemCall] = []
  }

  private let state: Mutex<State>

  init(_ rules: Rule...) { state = Mutex(State(rules: rules)) }

  convenience init(
    _ name: SystemCall.Name, _ verdict: SystemCallVerdict, occurrence: Int? = nil,
    touching range: Range<UInt64>? = nil
  ) {
    self.init(Rule(name: name, occurrence: occurrence, range: range, verdict: verdict))
  }

  func verdict(on call: SystemCall) -> SystemCallVerdict {
    state.withLock { state in
      state.log.append(call)
      for index in state.rules.indices where state.rules[index].name == call.name {
        if let range = state.rules[index].range {
          guard let offset = call.offset else { continue }
          let end = offset + UInt64(call.byteCount ?? 1)
          if !range.overlaps(offset..<end) { continue }
        }
        if state.rules[index].skipping > 0 {
          state.rules[index].skipping -= 1
          continue
        }
        if let occurrence = state.rules[index].occurrence {
          state.rules[index].occurrence = occurrence - 1
          if occurrence != 0 { continue }
        }
        return state.rules[index].verdict
      }
      return .proceed
    }
  }

  /// Stops everything that was forced.
  func clear() { state.withLock { $0.rules = [] } }

  func add(_ name: SystemCall.Name, _ verdict: SystemCallVerdict, skipping: Int = 0) {
    state.withLock {
      $0.rules.append(Rule(name: name, skipping: skipping, verdict: verdict))
    }
  }

  var log: [SystemCall] { state.withLock { $0.log } }

  func count(_ name: SystemCall.Name) -> Int { log.count { $0.name == name } }
}

extension Scratch {
  /// This machine with forced errors.
  func machine(_ faults: Faults) -> Machine {
    var machine = machine
    machine.calls = SystemCalls(hook: faults)
    return machine
  }
}
