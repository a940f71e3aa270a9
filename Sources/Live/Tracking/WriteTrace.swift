// SPDX-License-Identifier: Apache-2.0

package import Blocks
import Glibc
import Qemu
package import Transfer

/// What is written to a block device, as the kernel's own trace of completed requests tells it.
///
/// Completed, not begun: a request that is told when it begins may land behind our back, after we
/// have read the place that it is for. The kernel counts the events for which it had no
/// room, and then everything is dirty. It does not see what reaches a disk without its queue
/// (SG_IO), nor what somebody writes to the same disk from another machine.
///
/// ## Concurrency
/// A thread empties the kernel's ring into `state`, behind its lock; so does `take`, which thereby
/// has everything that was completed before it began. The rest is immutable.
package final class WriteTrace: DirtySource {
  package let name = "write trace"

  private struct State {
    var instance: TraceInstance?
    var dirty: DirtySet
    var loss: DirtyLoss?
    var lostEventCount: UInt64 = 0
    var page: [UInt8] = []
    var isEnding = false
  }

  private let path: String
  private let extents: [TracedExtent]
  private let ringKibibytes: Int
  private let intervalSeconds: Double
  private let tracing: String
  private let instancePath: String
  private let state: Monitor<State>
  private let thread = Monitor<WorkerThread?>(nil)

  /// Some 60,000 events for each processor: they come at 10 times that in a second from the
  /// fastest of disks, and the ring is emptied fifty times in it.
  package static let defaultRingKibibytes = 4096
  package static let defaultIntervalSeconds = 0.02

  /// - Parameters:
  ///   - path: the device.
  ///   - ringKibibytes: memory of the kernel's, for each processor.
  package init(
    _ path: String, shape: ImageShape, ringKibibytes: Int = defaultRingKibibytes,
    intervalSeconds: Double = defaultIntervalSeconds
  ) throws(TransferError) {
    self.path = path
    extents = try TracedExtent.all(of: path)
    self.ringKibibytes = ringKibibytes
    self.intervalSeconds = intervalSeconds
    do throws(TraceInstance.Failure) {
      tracing = try TraceInstance.tracingDirectory()
    } catch { throw Self.error(path, error) }
    instancePath = "\(tracing)/instances/\(RunToken().name("trace"))"
    state = Monitor(State(dirty: DirtySet(shape: shape)))
  }

  private static func error(_ path: String, _ failure: TraceInstance.Failure) -> TransferError {
    TransferError(
      .source, "\(path): its writes cannot be traced: \(failure.sentence)",
      hint: "tracing is for root, and needs a kernel that allows it; --live rescan needs neither",
      status: .failed)
  }

  /// How to remove it when we cannot; to be put down before `begin`.
  package var undo: UndoStep { UndoStep("write trace of \(path)", .remove(path: instancePath)) }

  package func begin() throws(TransferError) {
    TraceInstance.removeLeftovers(in: tracing)
    let instance: TraceInstance
    do throws(TraceInstance.Failure) {
      instance = try TraceInstance(
        at: instancePath, devices: Set(extents.map(\.device)), ringKibibytes: ringKibibytes)
    } catch { throw Self.error(path, error) }
    state.update { state in
      state.instance = instance
      state.page = .init(repeating: 0, count: instance.format.pageByteCount)
    }
    let started = WorkerThread { [state, extents, intervalSeconds] in
      while state.wait(seconds: intervalSeconds, { $0.isEnding ? true : nil }) == nil {
        state.peek { Self.drain(&$0, extents) }
      }
    }
    thread.peek { $0 = started }
  }

  package func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss? {
    let (taken, loss) = state.peek { state -> (DirtySet, DirtyLoss?) in
      Self.drain(&state, extents)
      check(&state)
      defer {
        state.dirty.removeAll()
        state.loss = nil
      }
      return (state.dirty, state.loss)
    }
    if loss != nil { dirty.insertAll() } else { dirty.formUnion(taken) }
    return loss
  }

  /// Called with the lock held.
  private static func drain(_ state: inout State, _ extents: [TracedExtent]) {
    guard let instance = state.instance else {
      state.loss = DirtyLoss("nothing is traced")
      return
    }
    var dirty = state.dirty
    state.dirty = DirtySet(shape: ImageShape(byteCount: 0))
    let verdict = instance.drain(into: &state.page) { write in
      for extent in extents {
        if let range = extent.range(of: write) { dirty.insert(range) }
      }
    }
    state.dirty = dirty
    switch verdict {
    case .whole: break
    case .lossy: state.loss = DirtyLoss("the kernel has overwritten events")
    case .malformed: state.loss = DirtyLoss("the kernel's trace cannot be read")
    }
  }

  /// Whether the kernel has told us everything; after the ring was emptied, so that all that was
  /// lost until then is counted.
  private func check(_ state: inout State) {
    guard let instance = state.instance else { return }
    guard let count = instance.lostEventCount, instance.isOn else {
      state.loss = DirtyLoss("somebody has switched the trace off")
      return
    }
    if count != state.lostEventCount {
      state.loss = DirtyLoss("\(count &- state.lostEventCount) events found no room")
    }
    state.lostEventCount = count
  }

  package func end() {
    state.update { $0.isEnding = true }
    let running = thread.peek { thread in
      defer { thread = nil }
      return thread
    }
    running?.join()
    state.peek { state in
      state.instance?.remove()
      state.instance = nil
    }
  }

  deinit { end() }
}
