// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Qemu

struct QmpErrorTests {
  @Test func theObjectComesFirst() {
    let error = QmpError(.lost, object: "/run/vm.qmp", sentence: "was closed by QEMU")
    #expect(error.description == "/run/vm.qmp: was closed by QEMU")
  }
}
