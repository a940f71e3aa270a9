// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The slots of a `ContentIndex`: open addressing with linear probing over a power of two of
/// slots, in memory that grows where it stands.
///
/// The address space for the largest permitted table is reserved at once, and the system
/// gives memory to the part that is used; so doubling copies nothing and never needs the old
/// and the new table side by side.
///
/// ## Concurrency
/// It belongs to one `ContentIndex`, and is guarded by whoever guards that.
@safe final class IndexTable: @unchecked Sendable {
  static let slotByteCount = 16

  /// An empty slot has the name 0, which is what fresh memory says.
  private struct Slot {
    var name: UInt64
    var location: UInt64
  }

  private let slots: UnsafeMutablePointer<Slot>?
  private let maximumSlotCount: Int
  private(set) var slotCount: Int

  init(maximumByteCount: Int, smallestSlotCount: Int) {
    var permitted = smallestSlotCount
    while permitted <= maximumByteCount / Self.slotByteCount / 2 { permitted *= 2 }
    if permitted > maximumByteCount / Self.slotByteCount { permitted = 0 }
    // A smaller index finds less, which is better than not to run at all.
    var reserved = unsafe Self.reserve(slotCount: permitted)
    while unsafe reserved == nil && permitted > smallestSlotCount {
      permitted /= 2
      unsafe reserved = unsafe Self.reserve(slotCount: permitted)
    }
    unsafe slots = reserved
    maximumSlotCount = unsafe reserved == nil ? 0 : permitted
    slotCount = min(smallestSlotCount, maximumSlotCount)
  }

  deinit {
    if let slots = unsafe slots { unsafe munmap(slots, maximumSlotCount * Self.slotByteCount) }
  }

  var canDouble: Bool { slotCount < maximumSlotCount }

  /// Says whether the name is new and there was a place for it.
  func insert(name: UInt64, location: UInt64) -> Bool {
    guard let slots = unsafe slots else { return false }
    let mask = slotCount - 1
    var index = home(of: name)
    for _ in 0..<min(ContentIndex.maximumProbeCount, slotCount) {
      if unsafe slots[index].name == 0 {
        unsafe slots[index] = Slot(name: name, location: location)
        return true
      }
      if unsafe slots[index].name == name { return false }
      index = (index + 1) & mask
    }
    return false
  }

  func location(of name: UInt64) -> UInt64? {
    guard let slots = unsafe slots else { return nil }
    let mask = slotCount - 1
    var index = home(of: name)
    for _ in 0..<min(ContentIndex.maximumProbeCount, slotCount) {
      if unsafe slots[index].name == name { return unsafe slots[index].location }
      if unsafe slots[index].name == 0 { return nil }
      index = (index + 1) & mask
    }
    return nil
  }

  /// Puts every entry where it belongs after the table has doubled or the sample has become
  /// smaller, and says how many are left.
  ///
  /// Each entry is taken out and put in again, beginning behind an empty slot. From there on
  /// an entry finds its new place either in the half that is new or no further than the slot
  /// it came from; and no slot that later entries are taken from lies between an entry's home
  /// and its place. So one pass leaves every entry where a search finds it.
  func rearrange(isDoubling: Bool, keeping sampleMask: UInt64) -> Int {
    guard let slots = unsafe slots else { return 0 }
    let oldSlotCount = slotCount
    let oldMask = oldSlotCount - 1
    var start = 0
    while unsafe slots[start].name != 0 { start += 1 }
    if isDoubling { slotCount *= 2 }
    var kept = 0
    for step in 1...oldSlotCount {
      let index = (start + step) & oldMask
      let slot = unsafe slots[index]
      guard slot.name != 0 else { continue }
      unsafe slots[index].name = 0
      guard slot.name & sampleMask == 0 else { continue }
      if insert(name: slot.name, location: slot.location) { kept += 1 }
    }
    return kept
  }

  /// Where the search for a name begins. The sample is taken by the lowest bits of names, so
  /// the place is taken from the other end.
  private func home(of name: UInt64) -> Int {
    Int(truncatingIfNeeded: name.byteSwapped) & (slotCount - 1)
  }

  private static func reserve(slotCount: Int) -> UnsafeMutablePointer<Slot>? {
    guard slotCount > 0 else { return nil }
    let byteCount = slotCount * slotByteCount
    let memory = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
    return unsafe memory.bindMemory(to: Slot.self, capacity: slotCount)
  }
}
