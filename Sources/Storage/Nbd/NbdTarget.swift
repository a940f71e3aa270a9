// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// An export of an NBD server as the target of a run. It has a fixed size like a device, and is
/// changed in place. Nothing says of it that it is unfinished: there is no place for a mark that
/// would stay with it.
///
/// Zeros are written as zeros (WRITE_ZEROES), which a server may turn into holes; trim is never
/// used. What a server acknowledged is on stable storage when a flush was acknowledged after it.
///
/// ## Concurrency
/// As `NbdExport`; `state` is behind its mutex.
package final class NbdTarget: CopyTarget {
  package let name: String
  package let byteCount: UInt64
  package let startsZero: Bool
  package let export: NbdExport
  private let holes: NbdHoles
  private let isDryRun: Bool
  private let keepsSparse: Bool
  private let written = Atomic(0)
  /// Of that, what was on its way to the disk of the server at least.
  private let flushed = Atomic(0)
  private let state: Mutex<State>

  private struct State {
    var notes: [String]
    /// The first flush that failed: what it did not flush is lost, whatever a later one says.
    var lost: StorageError?
    var isOver = false
  }

  package static func open(
    _ request: TargetRequest, at address: NbdAddress,
    limits: NbdExport.Limits = NbdExport.Limits()
  ) throws(StorageError) -> NbdTarget {
    let name = address.text
    if request.isAtomic {
      throw StorageError(
        .refused(.irreplaceable), object: name,
        sentence: "is an export, which cannot be replaced as a whole",
        hint: "leave --atomic away, and take a snapshot of it if the old version matters")
    }
    if request.sourceIdentity?.serial == name {
      throw StorageError(.refused(.sameImage), object: name, sentence: "is the source itself")
    }
    let export = try NbdExport.open(address, limits: limits)
    if export.isReadOnly && !request.isDryRun {
      throw StorageError(
        .refused(.readOnly), object: name, sentence: "is served read-only",
        hint: "start its server without --read-only, if that is what you want")
    }
    let size = try SizeAgreement.of(
      request, target: export.byteCount, kind: .device, name: name)
    return try NbdTarget(export, request, size)
  }

  private init(
    _ export: NbdExport, _ request: TargetRequest, _ size: SizeAgreement
  ) throws(StorageError) {
    name = export.address.text
    byteCount = size.byteCount
    isDryRun = request.isDryRun
    keepsSparse = request.keepsSparse
    self.export = export
    holes = NbdHoles(of: export)
    startsZero = try Self.isZero(holes, byteCount)
    var notes = size.notes
    if !export.isDurable {
      notes.append(
        "\(name): its server cannot flush: what it has taken may be lost if its machine fails")
    }
    state = Mutex(State(notes: notes))
  }

  /// Whether the server knows that nothing is there, as of a disk that was just made. It is not
  /// asked for ever: after so many answers it is looked at like any other.
  private static func isZero(_ holes: NbdHoles, _ byteCount: UInt64) throws(StorageError) -> Bool {
    var offset: UInt64 = 0
    for _ in 0..<maximumQuestionCount where offset < byteCount {
      let extent = try holes.extent(at: offset, limit: byteCount)
      if !extent.isHole { return false }
      offset = extent.range.upperBound
    }
    return offset >= byteCount
  }

  private static let maximumQuestionCount = 1 << 14

  deinit { abandon() }

  package var kind: ImageKind { .device }
  package var isNew: Bool { false }
  package var wasUnfinished: Bool { false }
  package var notes: [String] { state.withLock { $0.notes } }
  package var currentByteCount: UInt64 { export.byteCount }
  package var writtenByteCount: Int { written.load(ordering: .relaxed) }

  @unsafe package func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try requireInside(offset, UInt64(bytes.count), "read")
    try unsafe export.read(into: bytes, at: offset)
  }

  package func extent(at offset: UInt64) throws(StorageError) -> Extent {
    try requireInside(offset, 1, "look for holes")
    return try holes.extent(at: offset, limit: byteCount)
  }

  @unsafe package func write(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try requireInside(offset, UInt64(bytes.count), "write")
    requireWritable()
    let range = offset..<offset + UInt64(bytes.count)
    // Before it, since then an answer may be old; and after it, since then one may be older.
    holes.forget(range)
    defer { holes.forget(range) }
    try unsafe export.write(bytes, at: offset)
    written.wrappingAdd(bytes.count, ordering: .relaxed)
  }

  package func zero(_ range: Range<UInt64>) throws(StorageError) {
    try requireInside(range.lowerBound, UInt64(range.count), "zero")
    if range.isEmpty { return }
    requireWritable()
    holes.forget(range)
    defer { holes.forget(range) }
    try export.zero(range, mayBeHole: keepsSparse)
  }

  package func markUnfinished() throws(StorageError) {}

  package func synchronize() throws(StorageError) {
    if isDryRun { return }
    if let lost = state.withLock({ $0.lost }) { throw lost }
    do throws(StorageError) {
      try export.flush()
    } catch {
      state.withLock { if $0.lost == nil { $0.lost = error } }
      throw error
    }
  }

  /// What a server has collected nobody but it can see, so that it is told to bring it to the disk
  /// from time to time: a flush at the end has its limit.
  package func startWriteback() {
    let now = writtenByteCount
    guard now - flushed.load(ordering: .relaxed) >= Self.earlyFlushByteCount else { return }
    flushed.store(now, ordering: .relaxed)
    // What fails here fails again at the end.
    try? synchronize()
  }

  private static let earlyFlushByteCount = 256 << 20

  /// What the server gives. Whether that comes from its medium only the server knows.
  @unsafe package func readPastCache(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try unsafe read(into: bytes, at: offset)
  }

  package func complete(remember: ((ImageIdentity) -> Void)?) throws(StorageError) {
    precondition(!state.withLock { $0.isOver }, "a target ends once")
    try synchronize()
    abandon()
  }

  package func abandon() {
    let isFirst = state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
    if isFirst { export.close() }
  }

  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    isDryRun ? Manifest.Finding(manifest: nil, standing: .new) : export.noManifest(place)
  }

  private func requireInside(
    _ offset: UInt64, _ count: UInt64, _ operation: String
  ) throws(StorageError) {
    try StorageError.requireInside(byteCount, offset, count: count, of: name, operation)
  }

  private func requireWritable() {
    precondition(!isDryRun, "a dry run writes nothing")
    precondition(!state.withLock { $0.isOver }, "a target is not written after its end")
  }
}
