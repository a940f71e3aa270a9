// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Memory that ends where an inaccessible page begins.
enum Fence {
  static func lend(_ bytes: [UInt8], to body: (UnsafeRawBufferPointer) -> Void) {
    let page = 4096
    let room = (bytes.count + page - 1) / page * page
    let memory = mmap(
      nil, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(memory != MAP_FAILED && mprotect(memory + room, page, PROT_NONE) == 0)
    defer { munmap(memory, room + page) }
    let start = memory + room - bytes.count
    bytes.withUnsafeBytes { start.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    body(UnsafeRawBufferPointer(start: start, count: bytes.count))
  }
}
