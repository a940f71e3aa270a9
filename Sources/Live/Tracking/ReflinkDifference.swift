// SPDX-License-Identifier: Apache-2.0

package import Blocks
import CLinux
import Glibc
package import Transfer

/// What is written to a file on XFS or btrfs, as the difference between two clones of it.
///
/// Each time a clone is made (FICLONE), which takes milliseconds, and of it and the one before the
/// file system tells which blocks they share. What they do not share was written. The clones have
/// no name (O_TMPFILE), so that nothing of them is left, however we end; for as long as they are
/// there, they take the space of what was written since.
///
/// ## Concurrency
/// All calls come from one thread.
package final class ReflinkDifference: DirtySource, @unchecked Sendable {
  package let name = "difference of clones"

  private let path: String
  private let shape: ImageShape
  private var file: Int32 = -1
  private var isRelocating = false
  package var isOnBtrfs: Bool { isRelocating }
  /// The clone that the next one is compared with.
  private var clone: Int32 = -1
  /// Clones that nobody needs any more. To give them up takes time.
  private var spent: [Int32] = []

  private static let extentCount = 1024
  private static let btrfs: UInt64 = 0x9123_683E

  private struct Failure: Error {
    var sentence: String

    init(sentence: String) { self.sentence = sentence }

    init(_ what: String, _ error: Int32) {
      sentence = unsafe "\(what): \(String(cString: strerror(error)))"
    }
  }

  /// - Parameter path: the image.
  package init(_ path: String, shape: ImageShape) throws(TransferError) {
    self.path = path
    self.shape = shape
    file = unsafe linux_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0)
    if file < 0 { throw error(Failure("open", errno)) }
    var facts = linux_file_facts()
    // It may move blocks while we ask for them (balance).
    isRelocating =
      unsafe linux_file_facts(file, &facts) != 0
      || facts.file_system_type == Self.btrfs
  }

  private func error(_ failure: Failure) -> TransferError {
    TransferError(
      .source, "\(path): it cannot be followed by clones: \(failure.sentence)",
      hint: "--live reflink is for files on xfs (made with reflink=1) and btrfs; --live rescan "
        + "needs nothing", status: .failed)
  }

  package func begin() throws(TransferError) {
    do throws(Failure) {
      clone = try makeClone()
      // What can be cloned may still not be told apart.
      try compare(clone, clone) { _ in }
    } catch { throw self.error(error) }
  }

  package func take(into dirty: inout DirtySet) throws(TransferError) -> DirtyLoss? {
    do throws(Failure) {
      guard clone >= 0 else { throw Failure(sentence: "there is no clone to compare with") }
      let next = try makeClone()
      let before = clone
      clone = next
      defer { spent.append(before) }
      try compare(before, next) { dirty.insert($0) }
      return nil
    } catch {
      dirty.insertAll()
      return DirtyLoss(error.sentence)
    }
  }

  package func tidy() {
    for clone in spent { close(clone) }
    spent = []
  }

  package func end() {
    tidy()
    if clone >= 0 { close(clone) }
    clone = -1
  }

  deinit {
    end()
    if file >= 0 { close(file) }
  }

  // MARK: Clones

  private func makeClone() throws(Failure) -> Int32 {
    let made = unsafe linux_openat(
      AT_FDCWD, try directory(), O_RDWR | linux_O_TMPFILE | O_CLOEXEC, 0o600)
    guard made >= 0 else { throw Failure("a file without a name", errno) }
    // btrfs clones a file that it writes in its place only to another such.
    var isWithoutCopies = false
    if unsafe linux_is_without_copies(file, &isWithoutCopies) == 0, isWithoutCopies {
      _ = linux_set_without_copies(made, true)
    }
    guard linux_clone(made, file) == 0 else {
      let failure = Failure("cloning it", errno)
      close(made)
      throw failure
    }
    return made
  }

  /// Where the image itself is, not a link to it.
  private func directory() throws(Failure) -> String {
    var place = path
    for _ in 0..<Self.maximumLinkCount {
      let slash = place.lastIndex(of: "/")
      let directory = slash.map { String(place[...$0]) } ?? "."
      var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = unsafe bytes.withUnsafeMutableBytes { space in
        unsafe readlink(
          place, space.baseAddress!.assumingMemoryBound(to: CChar.self), space.count)
      }
      if count < 0 && errno == EINVAL { return directory }
      guard count > 0, count < bytes.count else { throw Failure("readlink", errno) }
      let link = String(decoding: bytes[..<count], as: UTF8.self)
      place = link.hasPrefix("/") || slash == nil ? link : directory + link
    }
    throw Failure("readlink", ELOOP)
  }

  /// As many as the kernel follows.
  private static let maximumLinkCount = 40

  private func compare(
    _ before: Int32, _ after: Int32, _ body: (Range<UInt64>) -> Void
  ) throws(Failure) {
    // A block that one left, because it was moved while we looked, may hold something of the other
    // now. If none of the first was moved from before until after, nothing else was there.
    let fingerprint = isRelocating ? try self.fingerprint(of: before) : 0
    try MappingComparison.differences(
      { offset throws(Failure) in try self.extents(of: before, from: offset) },
      { offset throws(Failure) in try self.extents(of: after, from: offset) },
      byteCount: shape.byteCount, body)
    if isRelocating, try self.fingerprint(of: before) != fingerprint {
      throw Failure(sentence: "the blocks of the image were moved meanwhile")
    }
  }

  private func fingerprint(of clone: Int32) throws(Failure) -> Int {
    var hasher = Hasher()
    var offset: UInt64 = 0
    while true {
      let extents = try extents(of: clone, from: offset)
      for extent in extents { hasher.combine(extent) }
      guard let last = extents.last, last.range.upperBound > offset else {
        return hasher.finalize()
      }
      offset = last.range.upperBound
    }
  }

  private func extents(of clone: Int32, from offset: UInt64) throws(Failure) -> [MappedExtent] {
    guard offset < shape.byteCount else { return [] }
    var space = [linux_file_extent](
      repeating: linux_file_extent(), count: Self.extentCount)
    let count = unsafe linux_file_extents(
      clone, offset, shape.byteCount - offset, true, &space, UInt32(space.count))
    guard count >= 0 else { throw Failure("the places of its blocks", errno) }
    return space[..<Int(count)].map { MappedExtent($0) }
  }
}
