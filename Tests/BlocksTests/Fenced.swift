// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Memory between two pages that may not be touched, so that a byte too many kills the test.
enum Fenced {
  static func withBytes(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
    precondition(count % 4096 == 0, "only whole pages can be fenced")
    let all = mmap(nil, count + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(all != MAP_FAILED, "no memory")
    mprotect(all + 4096, count, PROT_READ | PROT_WRITE)
    body(UnsafeMutableRawBufferPointer(start: all + 4096, count: count))
    munmap(all, count + 8192)
  }
}
