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
    for page in wanted.pages {
      let number = first + page
      let figure: Counters.Name = wouldHaveArrived(number) ? .found : .wanted
      counters.add(UInt64(shape.pageLength(number)), to: figure)
      settle(number, as: nil)
    }
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
    let first = wanted.segment * Geometry.pagesPerSegment
    var result = PageSet()
    for page in wanted.pages {
      let number = first + page
      let name = name(of: number)
      // The short last page has no twin of its length.
      let isWholePage = shape.pageLength(number) == Geometry.pageByteCount
      if isWholePage, try copyFromArrived(number, name: name) { continue }
      guard asks.ask(number, name: name.name, mayFollow: isWholePage) else { continue }
      records[wanted.segment]!.ask(page)
      counters.add(UInt64(shape.pageLength(number)), to: .wanted)
      result[page] = true
    }
    return result
  }

  /// What has come is in the index like what was there before.
  private func copyFromArrived(_ page: Int, name: Digest) throws(StorageError) -> Bool {
    guard let packed = index?.peek({ $0.location(of: name.name) }) else { return false }
    let location = PageLocation(packed: packed)
    guard isUsable(location, for: page) else { return false }
    var digest: Digest?
    try mover.move(
      [PageMover.Move(page: page, from: location, name: name)], moved: { digest = $1 },
      missed: { _ in })
    guard let digest else { return false }
    counters.add(UInt64(Geometry.pageByteCount), to: .found)
    settle(page, as: digest)
    return true
  }

  func receive(_ batch: DataBatch) throws(TransferError) {
    let content: DataBatchContent
    do throws(WireError) {
      content = try batch.content(shape: shape, using: decompressor)
    } catch {
      throw TransferError(error)
    }
    counters.add(UInt64(content.pageByteCount), to: .sent)
    try unsafe content.withPageBytes { (bytes) throws(TransferError) in
      let pages = unsafe ReceivedPages(content.entries, bytes: bytes, shape: shape)
      do throws(StorageError) {
        try prepareToWrite()
      } catch {
        throw TransferError(.target, error)
      }
      var start = 0
      for entry in content.entries {
        let end = start + entry.pages.count
        if isWhole {
          try receiveWhole(entry, pages, start..<end)
        } else {
          try receive(entry, pages, start..<end)
        }
        start = end
      }
    }
  }

  /// Pages that were asked for. `slots` are theirs among the pages of the batch.
  private func receive(
    _ entry: DataBatch.Entry, _ pages: borrowing ReceivedPages, _ slots: Range<Int>
  ) throws(TransferError) {
    guard let record = records[entry.segment], entry.pages.isSubset(of: record.askedPages) else {
      throw .breach("pages of segment \(entry.segment) that were not asked for")
    }
    var good = PageSet()
    for (slot, page) in zip(slots, entry.pages) {
      if width.matches(pages.digests[slot], record[page]) { good[page] = true }
    }
    do throws(StorageError) {
      try write(good, of: entry, pages, slots)
      for (slot, page) in zip(slots, entry.pages) {
        try arrive(page, of: record, pages, slot, isGood: good[page])
      }
    } catch {
      throw TransferError(.target, error)
    }
  }

  /// Settles a page that came, and those that follow it.
  private func arrive(
    _ page: Int, of record: SegmentRecord, _ pages: borrowing ReceivedPages, _ slot: Int,
    isGood: Bool
  ) throws(StorageError) {
    let number = record.segment * Geometry.pagesPerSegment + page
    let digest = pages.digests[slot]
    counters.subtract(UInt64(shape.pageLength(number)), from: .wanted)
    let following = asks.arrived(number, name: record[page].name)
    for follower in following {
      if width.matches(digest, name(of: follower)) {
        try unsafe target.write(pages.bytes(of: slot), at: shape.pageRange(follower).lowerBound)
        counters.add(UInt64(Geometry.pageByteCount), to: .found)
        settle(follower, as: digest)
      } else {
        asks.append([follower])
      }
    }
    if isGood {
      index?.peek {
        $0.insert(name: digest.name, location: PageLocation(image: 0, page: number).packed)
      }
    } else {
      // The source is not any more what it was when it gave the name.
      unsettledPageCount += 1
    }
    settle(number, as: isGood ? digest : nil)
  }

  /// A whole segment that nobody asked for: what is not in it is zero.
  private func receiveWhole(
    _ entry: DataBatch.Entry, _ pages: borrowing ReceivedPages, _ slots: Range<Int>
  ) throws(TransferError) {
    try advanceWhole(to: entry.segment)
    let count = shape.pageCount(inSegment: entry.segment)
    let zeroPages = PageSet(firstPages: count).subtracting(entry.pages)
    var digests = ZeroDigests.segmentDigests(length: shape.segmentLength(entry.segment)).pages
    for (slot, page) in zip(slots, entry.pages) { digests[page] = pages.digests[slot] }
    do throws(StorageError) {
      try write(entry.pages, of: entry, pages, slots)
      for run in zeroPages.runs {
        let first = entry.segment * Geometry.pagesPerSegment
        let start = shape.pageRange(first + run.lowerBound).lowerBound
        try writeZeros(start..<shape.pageRange(first + run.upperBound - 1).upperBound)
      }
    } catch {
      throw TransferError(.target, error)
    }
    let whole = SegmentDigests.assembling(pages: digests, zeroPages: zeroPages)
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
    _ wanted: PageSet, of entry: DataBatch.Entry, _ pages: borrowing ReceivedPages,
    _ slots: Range<Int>
  ) throws(StorageError) {
    let first = entry.segment * Geometry.pagesPerSegment
    for run in wanted.runs {
      // Neighbours in the image are neighbours in the batch.
      let before = entry.pages.intersection(PageSet(firstPages: run.lowerBound)).count
      let slot = slots.lowerBound + before
      let bytes = unsafe pages.bytes(of: slot..<slot + run.count)
      try unsafe target.write(bytes, at: shape.pageRange(first + run.lowerBound).lowerBound)
    }
  }
}
