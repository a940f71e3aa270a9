// SPDX-License-Identifier: Apache-2.0

/// Where a page lies at the target's end: in the target itself or in a seed. Packed into 64
/// bits, because the index holds millions of them.
struct PageLocation: Hashable, Sendable {
  let packed: UInt64

  private static let pageBits: UInt64 = 48

  /// Images that one index can speak of: the target and its seeds.
  static let imageLimit = 1 << 15

  init(image: Int, page: Int) {
    precondition(image < Self.imageLimit && page < 1 << Self.pageBits)
    packed = UInt64(image) << Self.pageBits | UInt64(page)
  }

  init(packed: UInt64) {
    self.packed = packed
  }

  /// 0 is the target itself; a seed is its number on the command line, from 1.
  var image: Int { Int(packed >> Self.pageBits) }
  var page: Int { Int(packed & (1 << Self.pageBits - 1)) }

  func moved(by pages: Int) -> PageLocation? {
    let moved = page + pages
    return moved >= 0 && moved < 1 << Self.pageBits
      ? PageLocation(image: image, page: moved) : nil
  }
}
