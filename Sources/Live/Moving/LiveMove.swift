// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Qemu
import Storage
package import Transfer

/// Makes a live move of what the user asked for: opens the images, finds who tells what is written
/// to them and who writes, and runs it.
package struct LiveMove {
  let request: LiveRequest
  let copying: Settings
  let counters: Counters
  let announce: Announce
  let observe: @Sendable (LiveEvent) -> Void
  let cutoverRequest: Monitor<Bool>

  package init(
    _ request: LiveRequest, copying: Settings, counters: Counters,
    cutoverRequest: Monitor<Bool>, announce: @escaping Announce,
    observe: @escaping @Sendable (LiveEvent) -> Void
  ) {
    self.request = request
    self.copying = copying
    self.counters = counters
    self.cutoverRequest = cutoverRequest
    self.announce = announce
    self.observe = observe
  }

  package func run() throws(TransferError) -> LiveReport {
    try LingeringGuardian.refuseBeside(subject)
    // It has to be there before anything is done to anybody.
    let guardian = try GuardianProcess.start(of: subject)
    defer { guardian.finish() }
    let entry = LiveRegistry.enter(request)
    defer { entry?.leave() }
    let (disks, writer) = try prepare(guardian)
    var copying = copying
    // The machine there has them open from its start.
    if request.settings.memorySocket != nil { copying.appearsAtOnce = true }
    return try LiveRun(
      settings: request.settings, copying: copying, disks: disks, writer: writer,
      guardian: guardian, counters: counters, cutoverRequest: cutoverRequest,
      announce: announce, observe: observe
    ).run()
  }

  /// What is moved, whatever its path looks like from here.
  private var subject: String {
    switch request.method {
    case .qmp(let path): "qmp:" + Self.realPath(path)
    case .libvirt(let name): "libvirt:" + name
    case .trace, .reflink, .rescan: "image:" + Self.realPath(request.source ?? "")
    }
  }

  private static func realPath(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  private func prepare(
    _ guardian: GuardianProcess
  ) throws(TransferError) -> ([LiveDisk], any LiveWriter) {
    switch request.method {
    case .qmp(let path): return try machine(at: .socket(path: path), guardian)
    case .libvirt(let name): return try machine(at: .domain(name), guardian)
    case .trace, .reflink, .rescan:
      let writer = try commandWriter(guardian)
      return ([try namedDisk(guardian)], writer)
    }
  }

  // MARK: The disks of a machine

  private func machine(
    at address: QmpAddress, _ guardian: GuardianProcess
  ) throws(TransferError) -> ([LiveDisk], any LiveWriter) {
    let live = try LiveMachine(at: address, guardian: guardian)
    do throws(TransferError) {
      for name in live.leftovers { announce(.note("removed what a dead run had left: \(name)")) }
      let images = try live.openImages(isForced: copying.isForced)
      for name in live.disksReadWithCare {
        announce(
          .note(
            "\(name): do not restart the guest before the end: QEMU 7.2 may not survive it while "
              + "such a disk is read (not raw, with an iothread)"))
      }
      try requireDifferentNames(images.map(\.disk))
      let target = images.count > 1 ? request.target.asDirectory : request.target
      let disks = images.map { image in
        disk(
          image.disk.path ?? image.disk.name, image.source,
          suggestedName: image.disk.fileName, target: target, tracker: image.tracker)
      }
      let writer = try MachineWriter(live, disks: images.map(\.disk), guardian: guardian)
      return (disks, try withMemory(writer, of: live, guardian))
    } catch {
      live.end()
      live.disconnect()
      guardian.undoAll(announce: announce)
      throw error
    }
  }

  /// The machine goes alone, or takes its memory along.
  private func withMemory(
    _ writer: MachineWriter, of live: LiveMachine, _ guardian: GuardianProcess
  ) throws(TransferError) -> any LiveWriter {
    guard let path = request.settings.memorySocket else { return writer }
    let settings = request.settings
    let place = MemoryPlace(path, at: request.target, settings: copying, announce: announce)
    let hook = settings.incomingCommand.map { command in
      Hook(
        .incoming, command, environment: ["BLKMOVE_SOCKET": path],
        timeoutSeconds: settings.hookTimeoutSeconds)
    }
    return try MigratingWriter(
      writer, live: live, to: place, guardian: guardian, incomingHook: hook,
      maximumPauseSeconds: settings.maximumPauseSeconds,
      bytesPerSecond: copying.bandwidthLimit ?? 0, announce: announce)
  }

  /// Two disks would become one file.
  private func requireDifferentNames(_ disks: [MachineDisk]) throws(TransferError) {
    var seen: Set<String> = []
    for disk in disks where !seen.insert(disk.fileName).inserted {
      throw TransferError(
        .source, "two disks are called '\(disk.fileName)', and would have one target",
        hint: "move them one by one with --live=trace or reflink, or rename one", status: .refused)
    }
  }

  // MARK: An image that the user names

  private func commandWriter(_ guardian: GuardianProcess) throws(TransferError) -> CommandWriter {
    let settings = request.settings
    guard let pause = settings.pauseCommand, let resume = settings.resumeCommand else {
      throw TransferError(
        .source, "--live \(request.method.displayed): nobody is known who could pause what writes",
        hint: "give --pause-cmd and --resume-cmd", status: .usage)
    }
    func hook(_ kind: Hook.Kind, _ command: String) -> Hook {
      Hook(
        kind, command, environment: ["BLKMOVE_SOURCE": request.source ?? ""],
        timeoutSeconds: settings.hookTimeoutSeconds)
    }
    return CommandWriter(
      pause: hook(.pause, pause), resume: hook(.resume, resume), guardian: guardian,
      announce: announce)
  }

  private func namedDisk(_ guardian: GuardianProcess) throws(TransferError) -> LiveDisk {
    let path = request.source ?? ""
    let source = try Self.open(path, isForced: copying.isForced)
    return disk(
      path, source, suggestedName: Self.baseName(of: path), target: request.target,
      tracker: try tracker(for: source, guardian))
  }

  // MARK: Any image

  /// What it swaps to may be sent once, at the end, and is hidden until then.
  private func disk(
    _ name: String, _ source: any CopySource, suggestedName: String, target: Location,
    tracker: any DirtySource
  ) -> LiveDisk {
    let late = request.settings.swap == .late ? SwapArea.find(in: source) : []
    return LiveDisk(
      name: name, image: LiveImage(source, hiding: late), suggestedName: suggestedName,
      target: target, tracker: tracker, late: late)
  }

  private func tracker(
    for source: any CopySource, _ guardian: GuardianProcess
  ) throws(TransferError) -> any DirtySource {
    switch request.method {
    case .trace:
      guard source.kind == .device else {
        throw TransferError(
          .source, "\(source.name): the kernel traces writes to devices, and this is a file",
          hint: "use --live=reflink on XFS or btrfs, else --live=rescan", status: .usage)
      }
      let trace = try WriteTrace(source.name, shape: ImageShape(byteCount: source.byteCount))
      return GuardedTracker(trace, undo: trace.undo, guardian: guardian)
    case .reflink:
      let difference = try ReflinkDifference(
        source.name, shape: ImageShape(byteCount: source.byteCount))
      // Once, in many runs of the tests, a write to a file on btrfs was in no difference.
      if !difference.isOnBtrfs { return difference }
      announce(
        .note("\(source.name): what btrfs says of clones is not relied on; all is read again"))
      return Rescan()
    case .rescan, .qmp, .libvirt: return Rescan()
    }
  }

  static func open(_ path: String, isForced: Bool) throws(TransferError) -> any CopySource {
    do throws(StorageError) {
      return try ImageOpening.source(path, within: .anything, isForced: isForced)
    } catch {
      throw TransferError(.source, error)
    }
  }

  static func baseName(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? ""
  }
}
