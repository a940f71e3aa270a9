// SPDX-License-Identifier: Apache-2.0

import Transfer

/// The threads that copy the images of a move, and what they have counted.
///
/// ## Concurrency
/// `start`, `tick` and `finish` come from the thread that leads.
final class DiskCopies {
  private let disks: [LiveDisk]
  private let copying: Settings
  private let table: RoundTable
  private let total: Counters
  private let announce: Announce
  private let counters: [Counters]
  private let endings: Monitor<[Int: Result<Report, TransferError>]> = Monitor([:])
  private var threads: [WorkerThread] = []

  init(
    _ disks: [LiveDisk], copying: Settings, table: RoundTable, total: Counters,
    _ announce: @escaping Announce
  ) {
    self.disks = disks
    self.copying = copying
    self.table = table
    self.total = total
    self.announce = announce
    counters = disks.map { _ in Counters() }
  }

  func start() {
    for (seat, disk) in disks.enumerated() {
      let run = Run(settings: copying, counters: counters[seat], announce: announce)
      let (table, endings) = (table, endings)
      threads.append(
        WorkerThread {
          let ending: Result<Report, TransferError>
          do throws(TransferError) {
            ending = .success(
              try run.copyLive(
                disk.image, named: disk.suggestedName, to: disk.target,
                director: table.director(of: seat)))
          } catch {
            ending = .failure(error)
          }
          endings.update { $0[seat] = ending }
          table.end(seat, ending)
        })
    }
  }

  /// Brings what all have counted together.
  func tick() {
    let snapshots = counters.map(\.snapshot)
    for (name, value) in Counters.Name.figures {
      total.set(name, to: snapshots.reduce(0) { $0 + value($1) })
    }
    if let first = snapshots.first { total.enter(first.phase) }
  }

  /// Waits for the end of all; throws the first failure.
  func finish() throws(TransferError) -> [Report] {
    for thread in threads { thread.join() }
    threads = []
    tick()
    let endings = endings.peek { $0 }
    var reports: [Report] = []
    for seat in disks.indices {
      if let ending = endings[seat] { reports.append(try ending.get()) }
    }
    return reports
  }
}

extension Counters.Name {
  fileprivate static let figures: [(Self, @Sendable (Counters.Snapshot) -> UInt64)] = [
    (.imageByteCount, { $0.imageByteCount }), (.scanned, { $0.scanned }), (.equal, { $0.equal }),
    (.zero, { $0.zero }), (.found, { $0.found }), (.sent, { $0.sent }), (.wanted, { $0.wanted }),
    (.wireSent, { $0.wireSent }), (.wireReceived, { $0.wireReceived }),
  ]
}
