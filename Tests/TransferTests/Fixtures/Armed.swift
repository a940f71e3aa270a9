// SPDX-License-Identifier: Apache-2.0

import Storage
import Synchronization

/// Faults that begin when they are told to: opening an image makes many calls as well.
final class Armed: SystemCallHook {
  private let faults: Faults
  private let isArmed = Atomic(false)

  init(_ faults: Faults) { self.faults = faults }

  func arm() { isArmed.store(true, ordering: .sequentiallyConsistent) }

  func verdict(on call: SystemCall) -> SystemCallVerdict {
    isArmed.load(ordering: .sequentiallyConsistent) ? faults.verdict(on: call) : .proceed
  }
}
