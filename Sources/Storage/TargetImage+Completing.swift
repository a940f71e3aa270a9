// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Bringing the image to stable storage, and to its end.
extension TargetImage {
  /// Returns when all that was written is on stable storage. A failure is told again by every
  /// later call, since the kernel forgets it after telling it once.
  package func synchronize() throws(StorageError) {
    if isDryRun { return }
    try settle(0..<byteCount)
    try durably("flush") { () throws(SystemError) in
      try descriptor.calls.synchronizeData(descriptor.number)
    }
  }

  /// Makes the image what it is to be, in an order in which it can be interrupted anywhere:
  /// data, size, name, what `remember` does with the identity that it has then, mark.
  package func complete(
    remember: ((ImageIdentity) -> Void)?
  ) throws(StorageError) {
    let isOver = state.withLock { $0.isOver }
    precondition(!isOver, "a target ends once")
    if isDryRun {
      finish()
      return
    }
    if kind == .file && !keepsSparse { try fillHoles() }
    try synchronize()
    try settleSize()
    if hasPart { try takeName() }
    if let remember, let identity = try? settledIdentity() { remember(identity) }
    removeMark()
    finish()
    do throws(SystemError) {
      try descriptor.close()
    } catch {
      throw .writing(name, "close", error)
    }
  }

  /// Leaves what is there for a rerun, and lets go of the lock.
  package func abandon() {
    let (isOver, hasWritten) = state.withLock { ($0.isOver, $0.hasWritten) }
    if isOver { return }
    // A part file that nothing was written to is only litter. We still hold its lock.
    if hasPart && place.isCreatedHere && !hasWritten && !isDryRun {
      try? descriptor.calls.unlink(place.partName, in: place.directory.number)
      Manifest.remove(of: key, on: machine)
    }
    finish()
    try? descriptor.close()
  }

  private func finish() {
    state.withLock { $0.isOver = true }
    directWriter?.close()
    ImageLock.release(descriptor)
    place.original?.release()
  }

  /// Runs a step whose failure means that data may be lost.
  private func durably(_ operation: String, _ step: () throws(SystemError) -> Void)
    throws(StorageError)
  {
    if let lost = state.withLock({ $0.lost }) { throw lost }
    do throws(SystemError) {
      try step()
    } catch {
      let failure = StorageError.writing(name, operation, error)
      state.withLock { $0.lost = failure }
      throw failure
    }
  }

  private func settleSize() throws(StorageError) {
    let end = isOpenEnded ? endByteCount.load(ordering: .relaxed) : nil
    guard let finalByteCount = finalByteCount ?? end, kind == .file else { return }
    let present = UInt64(try descriptor.status(of: name).st_size)
    if present == finalByteCount { return }
    try durably("set the size to \(ByteText.amount(finalByteCount))") {
      () throws(SystemError) in
      try descriptor.calls.truncate(descriptor.number, to: finalByteCount)
      try descriptor.calls.synchronize(descriptor.number)
    }
    presentByteCount.store(finalByteCount, ordering: .releasing)
  }

  /// A part file: what belongs to it, and then the name under which it is complete.
  private func takeName() throws(StorageError) {
    let calls = descriptor.calls
    try givePermissions()
    try durably("flush") { () throws(SystemError) in
      try calls.synchronize(descriptor.number)
      // Network file systems tell on close what they did not tell before; the lock stays with
      // the descriptor that remains.
      try calls.duplicate(descriptor.number).close()
    }
    if let original = place.original { try replace(original) } else { try renameNew() }
    try durably("flush its directory") { () throws(SystemError) in
      do throws(SystemError) {
        try calls.synchronize(place.directory.number)
      } catch let error where error.number == EINVAL {
        // Some file systems cannot flush a directory, and none of them forgets names.
      }
    }
    if let original = place.original, original.isGone {
      Manifest.remove(of: original.key, on: machine)
    }
  }

  private func givePermissions() throws(StorageError) {
    var notes: [String] = []
    if let original = place.original {
      notes = try original.giveAll(to: descriptor)
    } else if (try? descriptor.calls.changeMode(
      descriptor.number, to: 0o666 & ~machine.creationMask)) == nil
    {
      // Some file systems have one mode for all files.
      notes = ["its permissions cannot be set here"]
    }
    state.withLock { state in state.notes += notes.map { "\(name): \($0)" } }
  }

  private func renameNew() throws(StorageError) {
    do throws(SystemError) {
      try descriptor.calls.rename(
        place.partName, to: place.finalName, in: place.directory.number, replacing: false)
    } catch let error where error.number == EINVAL || error.number == ENOSYS {
      try renameReplacing()
    } catch {
      throw renaming(error)
    }
  }

  /// Where the file system cannot promise not to replace, we look first.
  private func renameReplacing() throws(StorageError) {
    let calls = descriptor.calls
    if (try? calls.status(place.finalName, in: place.directory.number)) != nil {
      throw renaming(SystemError(number: EEXIST))
    }
    do throws(SystemError) {
      try calls.rename(
        place.partName, to: place.finalName, in: place.directory.number, replacing: true)
    } catch {
      throw renaming(error)
    }
  }

  private func renaming(_ error: SystemError) -> StorageError {
    StorageError(
      .system(error.number), object: name, operation: "rename",
      hint: error.number == EEXIST
        ? "somebody made it during the run; the whole copy is in \(place.partName)" : nil)
  }

  private func removeMark() {
    guard !isNew, let mark, mark.exists else { return }
    // An unfinished image that was replaced goes on to be one under its other names.
    if let original = place.original, !original.isGone { return }
    do throws(SystemError) {
      try mark.remove()
    } catch {
      state.withLock {
        $0.notes.append(
          "\(mark.directory)/\(mark.fileName): cannot take the mark away: \(error.text); "
            + "the image is complete")
      }
    }
  }

  /// With `--no-sparse` also what was never written gets its space.
  private func fillHoles() throws(StorageError) {
    try prepare()
    let byteCount = isOpenEnded ? endByteCount.load(ordering: .relaxed) : byteCount
    if byteCount == 0 { return }
    if isOpenEnded { try settleSize() }
    do throws(SystemError) {
      try descriptor.calls.allocate(descriptor.number, .allocate, 0..<byteCount)
      return
    } catch {
      guard Zeroing.isUnknown(error) else {
        throw .writing(name, "allocate", error, at: 0, byteCount: Int(byteCount))
      }
    }
    var offset: UInt64 = 0
    while offset < byteCount {
      let extent = try extent(at: offset)
      if extent.isHole { try writeZeros(extent.range) }
      offset = extent.range.upperBound
    }
  }
}
