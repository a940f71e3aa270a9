// SPDX-License-Identifier: Apache-2.0

package import Transfer

/// A live move from its beginning to its report: one thread copies each image, this one leads them
/// through the rounds and the pause.
///
/// It promises that the writer runs again when it returns or throws, unless the move is done and
/// the user wanted it otherwise. What it does to the writer is known to the guardian before it is
/// done.
package struct LiveRun {
  package let settings: LiveSettings
  package let copying: Settings
  package let disks: [LiveDisk]
  package let writer: any LiveWriter
  package let guardian: GuardianProcess
  /// Of all images together.
  package let counters: Counters
  package let announce: Announce
  package let observe: @Sendable (LiveEvent) -> Void
  /// The user has said that it is time.
  package let cutoverRequest: Monitor<Bool>

  package init(
    settings: LiveSettings, copying: Settings, disks: [LiveDisk], writer: any LiveWriter,
    guardian: GuardianProcess, counters: Counters, cutoverRequest: Monitor<Bool>,
    announce: @escaping Announce, observe: @escaping @Sendable (LiveEvent) -> Void
  ) {
    self.settings = settings
    self.copying = copying
    self.disks = disks
    self.writer = writer
    self.guardian = guardian
    self.counters = counters
    self.cutoverRequest = cutoverRequest
    self.announce = announce
    self.observe = observe
  }

  package func run() throws(TransferError) -> LiveReport {
    let start = Clock.now
    let table = RoundTable(count: disks.count)
    let copies = DiskCopies(disks, copying: copying, table: table, total: counters, announce)
    do throws(TransferError) {
      for disk in disks { try disk.tracker.begin() }
      observe(
        .began(
          writer: writer.name, tracker: disks[0].tracker.name, disks: disks.map(\.name)))
      copies.start()
      var leader = LiveLeader(self, table: table, copies: copies)
      try leader.lead()
      cleanUp()
      table.letTakeTime()
      var report = leader.report
      report.disks = zip(disks, try copies.finish()).map { disk, report in
        LiveReport.Disk(name: disk.name, report: report)
      }
      report.elapsedSeconds = Clock.now - start
      return report
    } catch {
      // Whoever waits comes first.
      letGo()
      table.abandon(error)
      cleanUp()
      _ = try? copies.finish()
      throw error
    }
  }

  /// The writer is to write again, as fast as it did.
  private func letGo() {
    try? writer.resume()
    try? writer.speedUp()
  }

  /// Leaves nothing behind. What cannot be undone here is the guardian's.
  private func cleanUp() {
    for disk in disks { disk.tracker.end() }
    writer.close()
    guardian.undoAll(announce: announce)
  }
}
