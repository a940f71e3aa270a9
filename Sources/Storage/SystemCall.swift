// SPDX-License-Identifier: Apache-2.0

/// One system call that is about to be made, as the seam shows it to a test.
package struct SystemCall: Equatable, Sendable {
  package enum Name: String, Sendable, CaseIterable {
    case open, status, read, write, seekData, seekHole, punchHole, zeroRange, zeroOut, allocate
    case truncate, changeMode, synchronizeData, synchronize, startWriteback, advise, rename
    case unlink, makeDirectory, lock, unlock, foreignLock, lease, fileFacts, duplicate, close
    case deviceByteCount, deviceLogicalBlock, deviceFlush
    case setUpWrites, submitWrite, awaitWrite
    case clone, cloneRange, withoutCopies, changeOwner, attributes
  }

  package var name: Name
  package var offset: UInt64?
  package var byteCount: Int?

  package init(_ name: Name, offset: UInt64? = nil, byteCount: Int? = nil) {
    self.name = name
    self.offset = offset
    self.byteCount = byteCount
  }
}

/// What a test wants to happen to a system call.
package enum SystemCallVerdict: Equatable, Sendable {
  case proceed
  /// The kernel is not asked; the call fails with this errno.
  case fail(Int32)
  /// The kernel is not asked, and is said to have agreed.
  case pretend
  /// The kernel is asked for at most so many bytes.
  case shorten(Int)
}

/// Where tests reach into the seam. Production code never has one.
package protocol SystemCallHook: AnyObject, Sendable {
  /// Called on the thread that makes the call, before every attempt.
  func verdict(on call: SystemCall) -> SystemCallVerdict
}
