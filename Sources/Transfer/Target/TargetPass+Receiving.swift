// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Asking for pages, and what happens when they come: every page is hashed before it is
/// written, and what does not bear its name is not written.
extension TargetPass {
  /// Asks for more, as long as not too much is on its way.
  func ask() throws(StorageError) {
    while let wanted = asks.next() {
      if isDryRun {
        countAsWanted(wanted)
        continue
      }
      let pages = try withoutWhatHasArrived(wanted)
      if !pages.isEmpty {
        connection.send(.want(WantedPages(segment: wanted.segment, pages: pages)))
      }
    }
  }

  private func countAsWanted(_ wanted: WantedPages) {
    let first = wanted.segment * Geometry.pagesPerSegment
    var asked = wanted.pages
    for page in wanted.pages {
      let number = first + page
      if wouldHaveArrived(number) { asked[page] = false }
      let figure: Counters.Name = asked[page] ? .wanted : .found
      counters.add(UInt64(shape.pageLength(number)), to: figure)
      settle(number, as: nil)
    }
    sample.add(asked, of: wanted.segment)
  }

  /// Whether a copy would have got the same content for another page by now. What it would have
  /// got is in the index, as what arrives is in that of a copy.
  private func wouldHaveArrived(_ page: Int) -> Bool {
    guard let index, shape.pageLength(page) == Geometry.pageByteCount else { return false }
    let name = name(of: page).name
    return index.peek { index in
      if let packed = index.location(of: name) {
        return isUsable(PageLocation(packed: packed), for: page)
      }
      index.insert(name: name, location: PageLocation(image: 0, page: page).packed)
      return false
    }
  }

  /// Leaves out pages whose content came, or is coming, for another page.
  private func withoutWhatHasArrived(_ wanted: WantedPages) throws(StorageError) -> PageSet {
    let (segment, record) = (wanted.segment, records[wanted.segment]!)
    var missing = wanted.pages
    for (page, location) in arrivedTwins(of: wanted.pages, in: record)
    where try copy(page, of: record, from: location) {
      missing[page] = false
    }
    // The short last page has no twin of its length.
    let asked = asks.ask(missing, of: segment, name: { record[$0].name }) { [shape] in
      shape.pageLength($0) == Geometry.pageByteCount
    }
    record.ask(asked)
    counters.add(UInt64(shape.byteCount(of: asked, inSegment: segment)), to: .wanted)
    return asked
  }

  /// What has come is in the index like what was there before.
  private func arrivedTwins(
    of pages: PageSet, in record: SegmentRecord
  ) -> [(page: Int, location: PageLocation)] {
    guard let index else { return [] }
    let first = record.segment * Geometry.pagesPerSegment
    let hints = index.peek { index in
      pages.compactMap { page in
        index.location(of: record[page].name).map { (page, PageLocation(packed: $0)) }
      }
    }
    return hints.filter { isUsable($0.1, for: first + $0.0) }
  }

  /// False when something else is there.
  private func copy(
    _ page: Int, of record: SegmentRecord, from location: PageLocation
  ) throws(StorageError) -> Bool {
    let number = record.segment * Geometry.pagesPerSegment + page
    var digest: Digest?
    try mover.move(
      [PageMover.Move(page: number, from: location, name: record[page])], moved: { digest = $1 },
      missed: { _ in })
    guard let digest else { return false }
    counters.add(UInt64(Geometry.pageByteCount), to: .found)
    settle(page, of: record, as: digest)
    return true
  }

  /// Pages that came: opened and hashed already, by the thread that received them.
  func receive(_ batch: ReceivedBatch) throws(TransferError) {
    counters.add(UInt64(batch.content.pageByteCount), to: .sent)
    do throws(StorageError) {
      try prepareToWrite()
      if isWhole { memory?.willChangeAll() }
    } catch {
      throw TransferError(.target, error)
    }
    var start = 0
    var copies: [Copy] = []
    for entry in batch.content.entries {
      let end = start + entry.pages.count
      if isWhole {
        try receiveWhole(entry, batch, start..<end)
      } else {
        try receive(entry, batch, start..<end, &copies)
      }
      start = end
    }
    do throws(StorageError) {
      try make(copies, from: batch)
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// A page whose content came for another one, in a slot of a batch.
  private struct Copy {
    var page: Int
    var slot: Int
  }

  /// What follows a run of pages is mostly a run itself, and is written as one.
  private func make(_ copies: [Copy], from batch: ReceivedBatch) throws(StorageError) {
    let copies = copies.sorted { $0.page < $1.page }
    var start = 0
    while start < copies.count {
      let first = copies[start]
      var end = start + 1
      while end < copies.count, copies[end].page == first.page + end - start,
        copies[end].slot == first.slot + end - start
      { end += 1 }
      let slots = first.slot..<first.slot + end - start
      try write(slots, of: batch, at: shape.pageRange(first.page).lowerBound)
      for slot in slots {
        counters.add(UInt64(Geometry.pageByteCount), to: .found)
        settle(first.page + slot - first.slot, as: batch.pages.digests[slot])
      }
      start = end
    }
  }

  /// Pages that were asked for. `slots` are theirs among the pages of the batch.
  private func receive(
    _ entry: DataBatch.Entry, _ batch: ReceivedBatch, _ slots: Range<Int>,
    _ copies: inout [Copy]
  ) throws(TransferError) {
    guard let record = records[entry.segment], entry.pages.isSubset(of: record.askedPages) else {
      throw .breach("pages of segment \(entry.segment) that were not asked for")
    }
    var good = PageSet()
    for (slot, page) in zip(slots, entry.pages) {
      if width.matches(batch.pages.digests[slot], record[page]) { good[page] = true }
    }
    do throws(StorageError) {
      try write(good, of: entry, batch, slots)
    } catch {
      throw TransferError(.target, error)
    }
    for (page, following) in arrive(entry.pages, of: record, batch.pages.digests[slots], good) {
      let slot = slots.lowerBound + entry.pages.intersection(PageSet(firstPages: page)).count
      for follower in following {
        if width.matches(batch.pages.digests[slot], name(of: follower)) {
          copies.append(Copy(page: follower, slot: slot))
        } else {
          asks.append([follower])
        }
      }
    }
  }

  /// Settles pages that came; gives those of them that others follow. What is not `good` does not
  /// bear its name: the source is not any more what it was when it gave it.
  private func arrive(
    _ pages: PageSet, of record: SegmentRecord, _ digests: ArraySlice<Digest>, _ good: PageSet
  ) -> [(page: Int, followers: [Int])] {
    let first = record.segment * Geometry.pagesPerSegment
    let byteCount = shape.byteCount(of: pages, inSegment: record.segment)
    counters.subtract(UInt64(byteCount), from: .wanted)
    let followed = asks.arrived(pages, of: record.segment) { record[$0].name }
    index?.peek { index in
      for (page, digest) in zip(pages, digests) where good[page] {
        index.insert(
          name: digest.name, location: PageLocation(image: 0, page: first + page).packed)
      }
    }
    let bad = pages.subtracting(good)
    unsettledPageCount += UInt64(bad.count)
    record.settle(good, among: pages, as: digests)
    record.leaveUnsettled(bad)
    close(record)
    return followed
  }

  /// A whole segment that nobody asked for: what is not in it is zero.
  private func receiveWhole(
    _ entry: DataBatch.Entry, _ batch: ReceivedBatch, _ slots: Range<Int>
  ) throws(TransferError) {
    try takeWhole(entry.segment)
    let count = shape.pageCount(inSegment: entry.segment)
    let zeroPages = PageSet(firstPages: count).subtracting(entry.pages)
    var digests = ZeroDigests.segmentDigests(length: shape.segmentLength(entry.segment)).pages
    for (slot, page) in zip(slots, entry.pages) { digests[page] = batch.pages.digests[slot] }
    do throws(StorageError) {
      try write(entry.pages, of: entry, batch, slots)
      for run in zeroPages.runs {
        let first = entry.segment * Geometry.pagesPerSegment
        let start = shape.pageRange(first + run.lowerBound).lowerBound
        try writeZeros(start..<shape.pageRange(first + run.upperBound - 1).upperBound)
      }
    } catch {
      throw TransferError(.target, error)
    }
    let whole = SegmentDigests.assembling(pages: digests, zeroPages: zeroPages)
    memory?.changed(entry.segment, whole)
    account(
      ledger.update { ledger in
        ledger.close(
          entry.segment,
          Ledger.Entry(
            digest: whole.digest,
            zeroByteCount: shape.byteCount(of: zeroPages, inSegment: entry.segment),
            changedByteCount: shape.segmentLength(entry.segment)))
        return ledger.totals
      })
  }

  /// Writes some of an entry's pages, neighbours at once.
  private func write(
    _ wanted: PageSet, of entry: DataBatch.Entry, _ batch: ReceivedBatch, _ slots: Range<Int>
  ) throws(StorageError) {
    let first = entry.segment * Geometry.pagesPerSegment
    for run in wanted.runs {
      // Neighbours in the image are neighbours in the batch.
      let before = entry.pages.intersection(PageSet(firstPages: run.lowerBound)).count
      let slot = slots.lowerBound + before
      let start = shape.pageRange(first + run.lowerBound).lowerBound
      try write(slot..<slot + run.count, of: batch, at: start)
    }
  }

  private func write(
    _ slots: Range<Int>, of batch: ReceivedBatch, at offset: UInt64
  ) throws(StorageError) {
    try unsafe batch.withBytes(of: slots) { (bytes) throws(StorageError) in
      try unsafe target.write(bytes, at: offset)
    }
  }
}
