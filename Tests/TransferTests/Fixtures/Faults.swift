// SPDX-License-Identifier: Apache-2.0

import Glibc
import Storage
import Synchronization

/// Forces a verdict on chosen system calls, and runs a test's own code just before them.
///
/// ## Concurrency
/// The count is behind a mutex; `act` runs outside of it.
final class Faults: SystemCallHook {
  private let name: SystemCall.Name
  private let isChosen: @Sendable (SystemCall) -> Bool
  private let act: @Sendable (Int) -> SystemCallVerdict
  private let count = Mutex(0)

  /// `act` gets the number of the call among the chosen ones, from 0.
  init(
    on name: SystemCall.Name,
    where isChosen: @escaping @Sendable (SystemCall) -> Bool = { _ in true },
    _ act: @escaping @Sendable (Int) -> SystemCallVerdict
  ) {
    self.name = name
    self.isChosen = isChosen
    self.act = act
  }

  /// `skipping` calls are let through first; `range` are bytes that a chosen call touches.
  convenience init(
    _ name: SystemCall.Name, fails error: Int32, skipping: Int = 0,
    touching range: Range<UInt64>? = nil
  ) {
    self.init(on: name, where: { $0.touches(range) }) { number in
      number < skipping ? .proceed : .fail(error)
    }
  }

  func verdict(on call: SystemCall) -> SystemCallVerdict {
    // What is written past the page cache is written in no known order.
    if name == .write && call.name == .setUpWrites { return .fail(ENOSYS) }
    guard call.name == name, isChosen(call) else { return .proceed }
    let number = count.withLock { count in
      defer { count += 1 }
      return count
    }
    return act(number)
  }
}

extension SystemCall {
  func touches(_ range: Range<UInt64>?) -> Bool {
    guard let range else { return true }
    guard let offset else { return false }
    return range.overlaps(offset..<offset + UInt64(max(byteCount ?? 1, 1)))
  }
}
