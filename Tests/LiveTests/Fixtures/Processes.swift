// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Transfer

/// Questions about processes that are not children of the test.
enum Processes {
  /// Whether it is gone, or dead and waiting for its parent, within a moment.
  static func hasEnded(_ process: Int32, withinSeconds seconds: Double = 3) -> Bool {
    eventually(withinSeconds: seconds) {
      guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") else {
        return true
      }
      let text = String(decoding: data, as: UTF8.self)
      return text.split(separator: ")").last?.split(separator: " ").first == "Z"
    }
  }

  /// Whether something comes true in time.
  static func eventually(withinSeconds seconds: Double = 3, _ isTrue: () -> Bool) -> Bool {
    let deadline = Clock.now + seconds
    while !isTrue() {
      if Clock.now > deadline { return false }
      usleep(5000)
    }
    return true
  }
}
