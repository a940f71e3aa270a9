// SPDX-License-Identifier: Apache-2.0

/// The paths that the kernel swaps to.
enum SwapSpace {
  /// From `/proc/swaps`, whose first line is a heading.
  static func paths(on machine: Machine) -> [String] {
    let text = KernelFiles.text(machine.processRoot + "/swaps") ?? ""
    return text.split(separator: "\n").dropFirst().compactMap {
      $0.split(whereSeparator: \.isWhitespace).first.map(Mount.unescaped)
    }
  }
}
