// SPDX-License-Identifier: Apache-2.0

import CNbd

/// One command on its way: what its answer leaves behind.
///
/// ## Concurrency
/// The library answers inside of calls that `NbdConnection` makes with its lock held; everybody
/// else looks with that lock held.
final class NbdCommand: @unchecked Sendable {
  private(set) var isDone = false
  private(set) var error: Int32 = 0
  private(set) var extents: [NbdExtent] = []
  /// The one context and the range that is asked about.
  private let question: (context: String, range: Range<UInt64>)?

  init(asking context: String, of range: Range<UInt64>) { question = (context, range) }
  init() { question = nil }

  /// To be called exactly as often as it is handed to the library, which lets go of it itself.
  var completion: cnbd_completion {
    unsafe cnbd_completion(
      callback: { user, error in
        let command = unsafe Unmanaged<NbdCommand>.fromOpaque(user!).takeUnretainedValue()
        command.isDone = true
        unsafe command.error = error?.pointee ?? 0
        return 1
      },
      user_data: Unmanaged.passRetained(self).toOpaque(),
      free: { user in unsafe Unmanaged<NbdCommand>.fromOpaque(user!).release() })
  }

  /// As `completion`.
  var answer: cnbd_extents {
    unsafe cnbd_extents(
      callback: { (user, context, offset, entries, count, _) in
        let command = unsafe Unmanaged<NbdCommand>.fromOpaque(user!).takeUnretainedValue()
        guard let context = unsafe context, let entries = unsafe entries else { return 0 }
        let numbers = unsafe UnsafeBufferPointer(start: entries, count: count)
        unsafe command.take(String(cString: context), offset, numbers)
        return 0
      },
      user_data: Unmanaged.passRetained(self).toOpaque(),
      free: { user in unsafe Unmanaged<NbdCommand>.fromOpaque(user!).release() })
  }

  @unsafe private func take(
    _ context: String, _ offset: UInt64, _ entries: UnsafeBufferPointer<UInt32>
  ) {
    guard let question, question.context == context, offset == question.range.lowerBound,
      extents.isEmpty
    else { return }
    unsafe extents = NbdExtent.decode(entries, of: question.range)
  }
}
