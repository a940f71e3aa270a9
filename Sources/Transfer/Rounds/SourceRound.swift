// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Goes once over what may have been written to the source since it was last read: reads it,
/// compares it with what is remembered, names the pages of what has changed, and remembers that.
///
/// Used by the thread that holds the conversation.
struct SourceRound {
  let image: any ReadableImage
  let shape: ImageShape
  let manifest: Manifest
  let connection: Connection
  let state: Monitor<SourceState>
  let counters: Counters
  private(set) var readByteCount: UInt64 = 0

  init(
    image: any ReadableImage, shape: ImageShape, manifest: Manifest, connection: Connection,
    state: Monitor<SourceState>, counters: Counters
  ) {
    self.image = image
    self.shape = shape
    self.manifest = manifest
    self.connection = connection
    self.state = state
    self.counters = counters
  }

  /// Of the `unsure` segments the target does not know what it has: all of them is named.
  mutating func run(
    over dirty: DirtySet, unsure: DirtySet, tree: inout DigestTree
  ) throws(TransferError) {
    var all = dirty
    all.formUnion(unsure)
    var next = all.nextSegment(from: 0)
    while let segment = next {
      if let failure = state.peek({ $0.failure }) { throw failure }
      do throws(StorageError) {
        try look(at: segment, all[segment], isUnsure: !unsure[segment].isEmpty, tree: &tree)
      } catch {
        throw TransferError(.source, error)
      }
      if let problem = waitForRoom() { throw problem }
      next = all.nextSegment(from: segment + 1)
    }
  }

  /// What is held is bounded, and so is what the target has to keep.
  private func waitForRoom() -> TransferError? {
    do throws(TransferError) {
      try state.await { state -> Bool? in
        state.heldByteCount < SourceState.heldByteLimit ? true : nil
      }
      return nil
    } catch {
      return error
    }
  }

  private mutating func look(
    at segment: Int, _ groups: GroupSet, isUnsure: Bool, tree: inout DigestTree
  ) throws(StorageError) {
    let record = manifest.record(of: segment)
    let content = try read(groups, of: segment)
    var findings = Findings(
      record?.digests(pageCount: shape.pageCount(inSegment: segment))
        ?? ZeroDigests.segmentDigests(length: shape.segmentLength(segment)))
    for (slot, group) in groups.enumerated() {
      let length = groupLength(group, of: segment)
      let start = slot * Geometry.groupByteCount
      let bytes = unsafe UnsafeRawBufferPointer(
        rebasing: content.bytes[start..<start + length])
      findings.take(unsafe SegmentDigests.hashing(bytes), group: group, isUnsure: isUnsure)
    }
    if findings.changed.isEmpty { return }
    try remember(findings, segment, &tree)
    let names = PageNames(
      segment: segment, groups: findings.changed, nonzeroPages: findings.named,
      names: NameList(findings.names, width: connection.width))
    state.update { state in
      state.hold(HeldSegment(groups: groups, content: content), as: segment)
    }
    connection.send(.pages(names))
  }

  /// What the groups of a segment turned out to be.
  private struct Findings {
    var groups: [Digest]
    var zeroPages: PageSet
    var changed = GroupSet()
    var named = PageSet()
    var names: [Digest] = []

    init(_ remembered: SegmentDigests) {
      groups = remembered.groups
      zeroPages = remembered.zeroPages
    }

    mutating func take(_ found: SegmentDigests, group: Int, isUnsure: Bool) {
      if !isUnsure && found.groups[0] == groups[group] { return }
      groups[group] = found.groups[0]
      changed[group] = true
      let first = group * Geometry.pagesPerGroup
      for (index, page) in found.pages.enumerated() {
        zeroPages[first + index] = found.zeroPages[index]
        if found.zeroPages[index] { continue }
        named[first + index] = true
        names.append(page)
      }
    }
  }

  private func remember(
    _ findings: Findings, _ segment: Int, _ tree: inout DigestTree
  ) throws(StorageError) {
    let pageCount = shape.pageCount(inSegment: segment)
    if findings.zeroPages == PageSet(firstPages: pageCount) {
      try manifest.forget(segment..<segment + 1)
      tree.set(nil, at: segment)
    } else {
      let unknown = [Fingerprint](repeating: .unknown, count: findings.groups.count)
      try manifest.put(
        ManifestRecord(
          zeroPages: findings.zeroPages, groups: findings.groups, fingerprints: unknown),
        of: segment)
      tree.set(SegmentDigests.segment(findings.groups), at: segment)
    }
  }

  private func groupLength(_ group: Int, of segment: Int) -> Int {
    min(
      Geometry.groupByteCount,
      shape.segmentLength(segment) - group * Geometry.groupByteCount)
  }

  /// Neighbouring groups at once. Holes are not asked for: what is written just now may not be in
  /// the answer yet.
  private mutating func read(
    _ groups: GroupSet, of segment: Int
  ) throws(StorageError) -> PageBuffer {
    let content = PageBuffer(byteCount: groups.count * Geometry.groupByteCount)
    let base = shape.segmentRange(segment).lowerBound
    var slot = 0
    var group = 0
    while slot < groups.count {
      while !groups[group] { group += 1 }
      var (end, length) = (group, 0)
      while end < Geometry.groupsPerSegment, groups[end] {
        length += groupLength(end, of: segment)
        end += 1
      }
      let start = slot * Geometry.groupByteCount
      try unsafe image.read(
        into: UnsafeMutableRawBufferPointer(rebasing: content.bytes[start..<start + length]),
        at: base + UInt64(group * Geometry.groupByteCount))
      readByteCount += UInt64(length)
      slot += end - group
      group = end
    }
    return content
  }
}

extension DigestTree {
  /// The tree over what a manifest remembers; segments without a record are zero.
  init(of manifest: Manifest) {
    self.init(shape: manifest.shape)
    var segment = manifest.nextRecord(from: 0)
    while segment < shape.segmentCount {
      if let record = manifest.record(of: segment) {
        set(SegmentDigests.segment(record.groups), at: segment)
      }
      segment =
        segment + 1 < shape.segmentCount ? manifest.nextRecord(from: segment + 1) : segment + 1
    }
  }
}
