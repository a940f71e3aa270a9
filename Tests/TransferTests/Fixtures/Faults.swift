// SPDX-License-Identifier: Apache-2.0

import Storage
import Synchronization

/// Forces verdicts on chosen system calls, and runs a test's own code at a chosen call.
///
/// ## Concurrency
/// All state is behind one mutex; `action` runs outside of it, once.
final class Faults: SystemCallHook {
  struct Rule: Sendable {
    var name: SystemCall.Name
    var verdict: SystemCallVerdict
    /// How many calls are let through first.
    var skipping: Int
    /// Only calls that touch one of these bytes.
    var range: Range<UInt64>?
  }

  private struct State {
    var rule: Rule
    var action: (@Sendable () -> Void)?
  }

  private let state: Mutex<State>

  init(
    _ name: SystemCall.Name, _ verdict: SystemCallVerdict, skipping: Int = 0,
    touching range: Range<UInt64>? = nil, action: (@Sendable () -> Void)? = nil
  ) {
    state = Mutex(
      State(
        rule: Rule(name: name, verdict: verdict, skipping: skipping, range: range),
        action: action))
  }

  func verdict(on call: SystemCall) -> SystemCallVerdict {
    let (verdict, action) = state.withLock { state in
      guard call.name == state.rule.name else {
        return (SystemCallVerdict.proceed, (@Sendable () -> Void)?.none)
      }
      if let range = state.rule.range {
        guard let offset = call.offset,
          range.overlaps(offset..<offset + UInt64(call.byteCount ?? 1))
        else { return (.proceed, nil) }
      }
      if state.rule.skipping > 0 {
        state.rule.skipping -= 1
        return (.proceed, nil)
      }
      defer { state.action = nil }
      return (state.rule.verdict, state.action)
    }
    action?()
    return verdict
  }
}
