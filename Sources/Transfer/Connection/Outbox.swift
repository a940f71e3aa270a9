// SPDX-License-Identifier: Apache-2.0

import Wire

/// What waits to be written at one end: control messages, which only the first connection
/// carries, and parcels of page data, which any connection of the run may take.
///
/// Whoever has room takes the next parcel, so a fast connection carries more than a slow one and
/// nobody has to foresee which is which. On the first connection parcels and messages keep their
/// order.
///
/// ## Concurrency
/// Any number of senders and takers; all state lives in one `Monitor`.
final class Outbox: Sendable {
  /// The frame of one batch, and whose pages are in it: what must be sent again when the
  /// connection that took it is lost.
  struct Parcel: Sendable {
    var frame: [UInt8]
    var pages: [DataBatch.Entry]
  }

  private struct State {
    var messages = Fifo<(number: UInt64, frame: [UInt8])>()
    var parcels = Fifo<(number: UInt64, parcel: Parcel)>()
    /// Bytes of the parcels that wait.
    var parcelByteCount = 0
    var nextNumber: UInt64 = 0
    var isClosed = false

    mutating func number() -> UInt64 {
      nextNumber += 1
      return nextNumber
    }

    mutating func takeParcel() -> Parcel? {
      guard let next = parcels.popFirst() else { return nil }
      parcelByteCount -= next.parcel.frame.count
      return next.parcel
    }

    /// For the first connection: what was put earlier goes earlier.
    mutating func takeFrame() -> [UInt8]? {
      guard let message = messages.first else { return takeParcel()?.frame }
      if let parcel = parcels.first, parcel.number < message.number { return takeParcel()?.frame }
      return messages.popFirst()?.frame
    }
  }

  /// What a taker of parcels wants just now.
  enum Wish {
    case take, wait, stop
  }

  private let capacity: Int
  private let monitor = Monitor(State())

  /// `capacity` is in bytes of parcels; one parcel always fits an empty box.
  init(capacity: Int) {
    self.capacity = capacity
  }

  /// Adds a message without waiting. False when the box was closed.
  @discardableResult
  func put(_ frame: [UInt8]) -> Bool {
    monitor.update { state in
      if state.isClosed { return false }
      state.messages.append((state.number(), frame))
      return true
    }
  }

  /// Adds page data, waiting for room; true when it had to.
  @discardableResult
  func put(_ parcel: Parcel) -> Bool {
    var hasWaited = false
    monitor.wait { state -> Void? in
      if state.isClosed { return () }
      let byteCount = parcel.frame.count
      if state.parcelByteCount > 0, state.parcelByteCount + byteCount > self.capacity {
        hasWaited = true
        return nil
      }
      state.parcels.append((state.number(), parcel))
      state.parcelByteCount += byteCount
      return ()
    }
    return hasWaited
  }

  /// The next frame for the first connection, or nil when the box is closed and empty.
  func take() -> [UInt8]? {
    monitor.wait { state -> [UInt8]?? in
      if let frame = state.takeFrame() { return .some(frame) }
      return state.isClosed ? .some(nil) : nil
    }
  }

  /// The next frame for the first connection if there is one.
  func takeNow() -> [UInt8]? {
    monitor.update { $0.takeFrame() }
  }

  /// The next parcel for a further connection, or nil when there will be none, or it has no use
  /// for one. `wish` is asked again after every `nudge`; it must not come back to this box.
  func takeParcel(_ wish: () -> Wish) -> Parcel? {
    monitor.wait { state -> Parcel?? in
      switch wish() {
      case .stop: return .some(nil)
      case .wait: return state.isClosed ? .some(nil) : nil
      case .take:
        if let parcel = state.takeParcel() { return .some(parcel) }
        return state.isClosed ? .some(nil) : nil
      }
    }
  }

  /// Lets takers look again at what they wish.
  func nudge() {
    monitor.update { _ in }
  }

  var isEmpty: Bool { monitor.peek { $0.messages.isEmpty && $0.parcels.isEmpty } }

  /// No more comes; what is in the box is still taken.
  func close() {
    monitor.update { $0.isClosed = true }
  }

  /// Closes and forgets what is in the box.
  func abandon() {
    monitor.update { state in
      state.isClosed = true
      state.messages = Fifo()
      state.parcels = Fifo()
      state.parcelByteCount = 0
    }
  }
}
