// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The real images of the tests, made once in a run from the files that Debian has installed on
/// this machine: ext4 file systems of 8 GiB with 300 MiB in them.
enum SystemImages {
  private static let scratch = Scratch()

  /// A system.
  static let first = Result { try make("first") }
  /// The same system after a day of real work.
  static let firstNextDay = Result {
    let image = try first.get().copied(to: scratch, named: "first-next-day.img")
    try Command.succeed(Tool.script("nightly-change"), image.path, timeoutSeconds: 120)
    return image
  }
  /// Another system that was installed from the same distribution.
  static let second = Result { try make("second") }

  private static func make(_ which: String) throws -> ImageFile {
    let path = scratch.path("\(which).img")
    try Command.succeed(
      Tool.script("make-system-image"), which, "300", "8192", path, timeoutSeconds: 120)
    return ImageFile(path)
  }
}
