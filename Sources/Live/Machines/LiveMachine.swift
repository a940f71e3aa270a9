// SPDX-License-Identifier: Apache-2.0

package import Qemu
package import Storage
package import Transfer

/// A virtual machine whose disks are moved: what a run needs of it, with everything that is done to
/// it put down with the guardian before.
///
/// ## Concurrency
/// All calls come from the thread that leads the move.
package final class LiveMachine: @unchecked Sendable {
  /// A disk of it, as a source.
  package struct Image: Sendable {
    package var disk: MachineDisk
    package var source: any CopySource
    package var tracker: BitmapTracker
  }

  package let machine: VirtualMachine
  /// Names of what dead runs had left in it, which is gone now.
  package let leftovers: [String]
  private let guardian: GuardianProcess
  private let server: MachineServer
  private var exports: [Export] = []

  private struct Export {
    var diskName: String
    var export: DiskExport
    var undo: UndoStep
    /// Nil until it was opened.
    var image: ExportedImage?
    /// It must not be there when the machine goes on.
    var mustPause: Bool
  }

  /// Connects, and clears away what dead runs left behind.
  package init(
    at address: QmpAddress, guardian: GuardianProcess
  ) throws(TransferError) {
    self.guardian = guardian
    machine = try asking { () throws(QmpError) in try VirtualMachine(at: address) }
    server = MachineServer(for: machine)
    do throws(QmpError) {
      leftovers = try machine.removeLeftovers()
    } catch { throw TransferError(.source, error) }
  }

  /// What it makes in the file system, for a while.
  var directory: String { server.directory }

  /// Its writable disks, opened to be read. Nothing is tracked yet.
  package func openImages(isForced: Bool) throws(TransferError) -> [Image] {
    let disks = try asking { () throws(QmpError) in try machine.disks() }
    if disks.isEmpty {
      throw TransferError(
        .source, "\(machine.name): it has no disk that it could write to", status: .refused)
    }
    try startServer()
    var images: [Image] = []
    for (number, disk) in disks.enumerated() {
      let bitmaps = QemuBitmaps(of: disk, number: number, at: server)
      images.append(
        Image(
          disk: disk, source: try open(disk, number: number, isForced: isForced),
          tracker: BitmapTracker(
            bitmaps, of: disk, at: machine.address, guardian: guardian)))
    }
    return images
  }

  private func startServer() throws(TransferError) {
    // What is put down last is undone first.
    for path in server.undoPaths.reversed() { try guardian.put(Self.removal(of: path)) }
    try guardian.put(serverStep)
    try asking { () throws(QmpError) in try server.start() }
  }

  private var serverStep: UndoStep {
    UndoStep(
      "the NBD server in \(machine.name)",
      .qmp(machine.address, server.undo.map { QmpUndo($0) }))
  }

  private static func removal(of path: String) -> UndoStep {
    UndoStep("the file \(path)", .remove(path: path))
  }

  // MARK: Content

  private func open(
    _ disk: MachineDisk, number: Int, isForced: Bool
  ) throws(TransferError) -> any CopySource {
    let source: any CopySource
    if let path = disk.directPath {
      source = try Self.open(path, isForced: isForced)
    } else {
      source = try openExport(disk, number: number)
    }
    // QEMU rounds a file up to whole sectors.
    if source.byteCount > disk.byteCount || disk.byteCount - source.byteCount >= Self.sector {
      throw TransferError(
        .source,
        "\(source.name): is \(source.byteCount) bytes, and as the disk \(disk.name) of "
          + "\(machine.name) \(disk.byteCount)", status: .refused)
    }
    return source
  }

  private static let sector: UInt64 = 512

  private static func open(
    _ path: String, isForced: Bool
  ) throws(TransferError) -> any CopySource {
    do throws(StorageError) {
      return try SourceImage.open(path, within: .anything, isForced: isForced)
    } catch { throw TransferError(.source, error) }
  }

  private func openExport(
    _ disk: MachineDisk, number: Int
  ) throws(TransferError) -> any CopySource {
    let export = DiskExport(disk, number: number, at: server)
    let undo = UndoStep(
      "the export of \(disk.name)", .qmp(machine.address, export.undo.map { QmpUndo($0) }))
    try guardian.put(undo)
    exports.append(
      Export(
        diskName: disk.path ?? disk.name, export: export, undo: undo,
        mustPause: disk.isInThread))
    let content = NbdImage(try asking { () throws(QmpError) in try export.open() })
    let image = ExportedImage(content)
    exports[exports.count - 1].image = image
    return image
  }

  // MARK: Pauses

  /// Pauses the machine. Whoever lets it go on in our place takes away first what must not be there
  /// then.
  /// - Returns: when the pause began.
  func pause() throws(TransferError) -> Double {
    for export in exports where export.mustPause { try guardian.put(export.undo) }
    takeAway()
    let start = Clock.now
    let result = Result { () throws(QmpError) in try machine.pause() }
    giveBack()
    try asking { () throws(QmpError) in try result.get() }
    return start
  }

  /// Lets the machine go on.
  func resume() throws(TransferError) {
    takeAway()
    let result = Result { () throws(QmpError) in try machine.resume() }
    giveBack()
    try asking { () throws(QmpError) in try result.get() }
  }

  private func takeAway() {
    for export in exports where export.mustPause {
      export.image?.takeAway()
      export.export.close()
    }
  }

  private func giveBack() {
    for export in exports where export.mustPause {
      do throws(QmpError) {
        export.image?.giveBack(NbdImage(try export.export.open()))
      } catch { export.image?.fail(error.description) }
    }
  }

  /// The disks that must not change over between QEMU's threads while they are read.
  var disksReadWithCare: [String] { exports.filter(\.mustPause).map(\.diskName) }

  /// Nothing of the disks is read any more.
  func endExports() {
    for export in exports { export.export.close() }
  }

  // MARK: The end

  /// Takes out of the machine what was put into it to read its disks, after the trackers have
  /// ended. May be called more than once; what fails is left to the guardian.
  package func end() {
    for export in exports where export.export.close() {
      try? guardian.remove(export.undo.name)
    }
    guard server.stop() else { return }
    try? guardian.remove(serverStep.name)
    for path in server.undoPaths { try? guardian.remove(Self.removal(of: path).name) }
  }

  /// Leaves the machine to whoever has to undo something, or comes after us.
  package func disconnect() { machine.channel.close() }
}
