// SPDX-License-Identifier: Apache-2.0

import Storage

/// What a user calls an export, and what a server says of its holes.
func fuzzExport(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  if let address = try? NbdAddress(text) {
    precondition(NbdAddress.isAddress(text) && address.text == text, "another address")
    precondition(text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }, "an order to a terminal")
    precondition(!address.exportName.utf8.contains(0), "a name with a NUL")
    precondition(!address.baseName.contains("/"), "a path and no name")
  }
  if let address = try? NbdAddress(unixSocket: "/run/x", exportName: text) {
    precondition(address.exportName == text, "another name")
  }
  var numbers: [UInt32] = []
  for start in stride(from: 0, to: bytes.count & ~3, by: 4) {
    numbers.append(bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
  }
  let start = UInt64(numbers.first ?? 0) << 31
  let range = start..<start + UInt64(numbers.last ?? 0) + 1
  var offset = start
  for extent in NbdExtent.decode(numbers, of: range) {
    precondition(extent.range.lowerBound == offset && !extent.range.isEmpty, "a gap")
    offset = extent.range.upperBound
  }
  precondition(offset <= range.upperBound, "more than was asked for")
}
