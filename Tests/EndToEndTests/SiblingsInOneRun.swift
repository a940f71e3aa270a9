// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Systems that were installed from the same distribution, copied together: what they share crosses
/// once.
@Suite(.endsInTime) struct SiblingsInOneRun {
  private let scratch = Scratch()

  @Test func threeOfThemCostHalf() throws {
    let images = [
      try SystemImages.first.get(), try SystemImages.second.get(),
      try SystemImages.firstNextDay.get(),
    ]
    let mover = Blkmove(.push, "--compress=none")
    let alone = try images.map { image in
      let run = try mover.copy(image.path, scratch.newPath("alone.img"))
      expectDone(run)
      return run.wire.wire
    }
    let directory = scratch.path("there", isDirectory: true) + "/"
    let run = try mover.run(
      [], images.map(\.path) + [mover.place(directory, isSource: false)])
    expectDone(run)
    for image in images {
      let name = String(image.path.split(separator: "/").last!)
      try expectEqual(ImageFile(directory + name), image)
    }
    let three = alone.reduce(0, +)
    #expect(run.wire.wire * 2 <= three, "\(alone) alone: \(run)")
    // All of them were counted: what is in none of the others has to cross.
    #expect(run.wire.wire > alone.max()!, "\(alone) alone: \(run)")
  }
}
