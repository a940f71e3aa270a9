// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Qemu

struct QmpAddressTests {
  @Test func addressesAreReadAndWritten() {
    #expect(QmpAddress("qmp:/run/vm.qmp") == .socket(path: "/run/vm.qmp"))
    #expect(QmpAddress("libvirt:web1") == .domain("web1"))
    for text in ["qmp:a:b", "libvirt:a"] { #expect(QmpAddress(text)?.text == text) }
    for text in ["", "qmp:", "libvirt:", "/run/vm.qmp", "trace", "QMP:x"] {
      #expect(QmpAddress(text) == nil)
    }
  }
}
