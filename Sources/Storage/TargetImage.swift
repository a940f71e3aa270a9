// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The image that a run makes equal to its source.
///
/// A new file grows under a temporary name and takes its own when `complete` has everything on
/// stable storage. What exists already, file or device, is changed in place, and is marked as
/// unfinished from before its first change until after the last; or, where that is asked for, a
/// clone of the file is changed and replaces it. Before anything is written, `open` has made sure
/// that nobody else uses it.
///
/// ## Concurrency
/// `read`, `extent`, `readPastCache`, `startWriteback`, and `write`, `zero` and `dig` of different
/// ranges may be called from several threads at once. What changes is either an atomic, or in
/// `state` behind its mutex. `complete` and `abandon` come last, from one thread, when all other
/// calls have returned.
package final class TargetImage: CopyTarget {
  /// The path that the image has when it is complete.
  package let name: String
  /// How much is compared and copied.
  package let byteCount: UInt64
  package let kind: ImageKind
  /// It did not exist: it grows under a temporary name.
  package let isNew: Bool
  /// Nothing but zeros is in it yet, so there is nothing to scan.
  package let startsZero: Bool
  /// An earlier run was interrupted while it wrote here.
  package let wasUnfinished: Bool

  let place: Place
  let descriptor: Descriptor
  let isDryRun: Bool
  let keepsSparse: Bool
  let finalByteCount: UInt64?
  /// How long it will be is only known at the end.
  let isOpenEnded: Bool
  let mark: UnfinishedMark?
  let key: ImageKey
  /// Nil where all is written through the page cache.
  let directWriter: DirectWriter?
  let machine: Machine
  /// The unit in which a device is read and written; 1 for a file.
  let deviceBlock: Int
  /// Where an image without a known end did end.
  let endByteCount = Atomic<UInt64>(.max)
  /// How much of a file is there; what lies between this and `byteCount` reads as zeros.
  let presentByteCount: Atomic<UInt64>
  /// Marked where it must be, and grown: may be written.
  let isPrepared: Atomic<Bool>
  /// The raw value of the way of zeroing that has not failed yet.
  let zeroing: Atomic<Int>
  /// A punched hole of this device was read back and was zero.
  let isPunchTrusted = Atomic(false)
  /// Digging is wanted, possible here as far as is known, and did give space back.
  let digs: Atomic<Bool>
  let isDiggingProven = Atomic(false)
  let written = Atomic(0)
  let state: Mutex<State>

  /// What changes while the image is open.
  struct State: Sendable {
    var notes: [String]
    /// The first failure to reach stable storage: the kernel tells it once, and it is never
    /// forgotten.
    var lost: StorageError?
    var hasWritten = false
    /// What is remembered of the image is kept true while it changes.
    var keepsManifest = false
    var directReader: DirectReader?
    var isOver = false
  }

  /// Where a new file is made, and whether this run made it.
  struct Place: ~Copyable {
    let directory: Descriptor
    let partName: String
    let finalName: String
    let isCreatedHere: Bool
    /// The file that it is a clone of, and will replace.
    var original: Original?
    /// It still holds what the original does, as far as nobody wrote to it in this run.
    var isFreshClone = false

    /// Of an image that is changed in place.
    static func none(_ calls: SystemCalls) -> Place {
      Place(
        directory: Descriptor(-1, calls: calls), partName: "", finalName: "", isCreatedHere: false)
    }
  }

  /// Everything that `open` found out.
  struct Parts: ~Copyable {
    var name: String
    var kind: ImageKind
    var descriptor: Descriptor
    var place: Place
    var isNew: Bool
    var presentByteCount: UInt64
    var size: SizeAgreement
    var wasUnfinished: Bool
    var deviceBlock = 1
    var mark: UnfinishedMark?
    /// Nil for a new file, which has none before it is made.
    var key: ImageKey?
    var notes: [String] = []
  }

  init(_ parts: consuming Parts, request: TargetRequest, machine: Machine) {
    name = parts.name
    kind = parts.kind
    byteCount = parts.size.byteCount
    finalByteCount = parts.size.finalByteCount
    isOpenEnded = request.isOpenEnded
    isNew = parts.isNew
    startsZero =
      parts.kind == .file && parts.presentByteCount == 0 || parts.size.byteCount == 0
    wasUnfinished = parts.wasUnfinished
    mark = parts.mark
    isDryRun = request.isDryRun
    keepsSparse = request.keepsSparse
    self.machine = machine
    deviceBlock = parts.deviceBlock
    presentByteCount = Atomic(parts.presentByteCount)
    isPrepared = Atomic(false)
    // Where somebody else may be writing, zeros that were read may be zeros no more.
    digs = Atomic(
      parts.kind == .file && request.keepsSparse && !request.isDryRun && !request.isForced)
    zeroing = Atomic(Zeroing.first(for: parts.kind, keepsSparse: request.keepsSparse).rawValue)
    state = Mutex(State(notes: parts.size.notes + parts.notes))
    key = parts.key ?? Self.key(of: parts.descriptor)
    directWriter =
      request.isDryRun || request.isOpenEnded || byteCount < DirectWriter.leastByteCount
      ? nil
      : DirectWriter(parts.descriptor, kind: parts.kind, on: machine)
    descriptor = parts.descriptor
    place = parts.place
  }

  deinit { abandon() }

  /// It grows beside its place, under a name that says so.
  var hasPart: Bool { !place.partName.isEmpty }

  /// How much `write` took since `open`.
  package var writtenByteCount: Int { written.load(ordering: .relaxed) }

  private static func key(of file: borrowing Descriptor) -> ImageKey {
    guard let status = try? file.calls.status(file.number) else { return ImageKey(text: "") }
    return ImageKey(forFile: file, status: status)
  }

  /// What the user should know.
  package var notes: [String] { state.withLock { $0.notes } }

  @unsafe package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64)
    throws(StorageError)
  {
    try StorageError.requireInside(byteCount, offset, count: UInt64(bytes.count), of: name, "read")
    let present = presentCount(of: bytes.count, at: offset)
    if present > 0 {
      try settle(offset..<offset + UInt64(present))
      let there = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<present])
      try unsafe descriptor.readExactly(into: there, at: offset, of: name)
    }
    if present < bytes.count {
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[present...])
        .initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  /// Fills the buffer with what is on the medium, not with what the page cache remembers. Only
  /// of use after `synchronize`, and before `complete`.
  @unsafe package func readPastCache(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try StorageError.requireInside(
      byteCount, offset, count: UInt64(bytes.count), of: name, "read back")
    // What is behind the present end is nowhere on the medium.
    guard presentCount(of: bytes.count, at: offset) == bytes.count else {
      try unsafe read(into: bytes, at: offset)
      return
    }
    try unsafe directReader.read(into: bytes, at: offset, cached: descriptor, of: name)
  }

  /// Opened when it is first needed.
  var directReader: DirectReader {
    state.withLock { state in
      if let reader = state.directReader { return reader }
      let reader = DirectReader(descriptor, alignment: deviceBlock, on: machine)
      state.directReader = reader
      return reader
    }
  }

  package func extent(at offset: UInt64) throws(StorageError) -> Extent {
    try StorageError.requireInside(byteCount, offset, count: 1, of: name, "look for holes")
    if kind == .device { return Extent(range: offset..<byteCount, isHole: false) }
    let present = min(presentByteCount.load(ordering: .acquiring), byteCount)
    if offset >= present { return Extent(range: offset..<byteCount, isHole: true) }
    try settle(offset..<present)
    return try descriptor.extent(at: offset, limit: present, of: name)
  }

  /// How many of the bytes are in the file and not behind its present end.
  func presentCount(of count: Int, at offset: UInt64) -> Int {
    let present = presentByteCount.load(ordering: .acquiring)
    return offset >= present ? 0 : Int(min(UInt64(count), present - offset))
  }
}
