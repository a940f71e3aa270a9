// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What has happened so far in a run, in bytes of the image unless a name says otherwise.
///
/// Both progress and the final report read it, so that they cannot disagree.
///
/// ## Concurrency
/// Every counter is an atomic of its own; a snapshot is not one instant of all of them.
package final class Counters: Sendable {
  /// The values at one moment. `wireSent` and `wireReceived` are bytes that this process
  /// wrote to and read from the connection, headers included.
  package struct Snapshot: Equatable, Sendable {
    package var imageByteCount: UInt64 = 0
    /// How much of the source is compared or being so, holes included.
    package var scanned: UInt64 = 0
    package var equal: UInt64 = 0
    package var zero: UInt64 = 0
    /// Copied from elsewhere at the target's end.
    package var found: UInt64 = 0
    /// Content that crossed the wire (or, locally, was written), before compression.
    package var sent: UInt64 = 0
    /// Content known to be still missing at the target; for a dry run what would be sent.
    package var wanted: UInt64 = 0
    package var wireSent: UInt64 = 0
    package var wireReceived: UInt64 = 0
    package var phase = Phase.connecting

    package init() {}
  }

  /// What the run is busy with.
  package enum Phase: UInt8, Sendable, CaseIterable {
    case connecting, comparing, finishing, verifying, done
  }

  package enum Name: Int, CaseIterable, Sendable {
    case imageByteCount, scanned, equal, zero, found, sent, wanted, wireSent, wireReceived
  }

  private let imageByteCount = Atomic<UInt64>(0)
  private let scanned = Atomic<UInt64>(0)
  private let equal = Atomic<UInt64>(0)
  private let zero = Atomic<UInt64>(0)
  private let found = Atomic<UInt64>(0)
  private let sent = Atomic<UInt64>(0)
  private let wanted = Atomic<UInt64>(0)
  private let wireSent = Atomic<UInt64>(0)
  private let wireReceived = Atomic<UInt64>(0)
  private let phase = Atomic<UInt8>(Phase.connecting.rawValue)

  package init() {}

  package func add(_ amount: UInt64, to name: Name) {
    withAtomic(name) { _ = $0.wrappingAdd(amount, ordering: .relaxed) }
  }

  package func subtract(_ amount: UInt64, from name: Name) {
    withAtomic(name) { _ = $0.wrappingSubtract(amount, ordering: .relaxed) }
  }

  package func set(_ name: Name, to value: UInt64) {
    withAtomic(name) { $0.store(value, ordering: .relaxed) }
  }

  package func enter(_ newPhase: Phase) {
    phase.store(newPhase.rawValue, ordering: .relaxed)
  }

  package var snapshot: Snapshot {
    var result = Snapshot()
    result.imageByteCount = imageByteCount.load(ordering: .relaxed)
    result.scanned = scanned.load(ordering: .relaxed)
    result.equal = equal.load(ordering: .relaxed)
    result.zero = zero.load(ordering: .relaxed)
    result.found = found.load(ordering: .relaxed)
    result.sent = sent.load(ordering: .relaxed)
    result.wanted = wanted.load(ordering: .relaxed)
    result.wireSent = wireSent.load(ordering: .relaxed)
    result.wireReceived = wireReceived.load(ordering: .relaxed)
    result.phase = Phase(rawValue: phase.load(ordering: .relaxed)) ?? .done
    return result
  }

  private func withAtomic(_ name: Name, _ body: (borrowing Atomic<UInt64>) -> Void) {
    switch name {
    case .imageByteCount: body(imageByteCount)
    case .scanned: body(scanned)
    case .equal: body(equal)
    case .zero: body(zero)
    case .found: body(found)
    case .sent: body(sent)
    case .wanted: body(wanted)
    case .wireSent: body(wireSent)
    case .wireReceived: body(wireReceived)
    }
  }
}
