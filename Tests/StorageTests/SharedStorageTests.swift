// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Storage

/// A target that is the source in disguise is refused, whoever insists.
@Suite struct SharedStorageTests {
  let scratch = Scratch()

  private func refusal(source: String, target: String) throws -> String? {
    let source = try SourceImage.open(
      source, within: .anything, isForced: true, on: scratch.machine)
    for isDryRun in [true, false] {
      let request = TargetRequest(
        path: target, suggestedName: "x", sourceByteCount: source.byteCount,
        sourceIdentity: source.identity, sizePolicy: .min, isForced: true, isDryRun: isDryRun)
      do {
        let target = try TargetImage.open(request, within: .anything, on: scratch.machine)
        target.abandon()
      } catch {
        #expect(error.kind == .refused(.sameImage) || error.kind == .refused(.held))
        if !isDryRun || error.kind == .refused(.sameImage) { return error.sentence }
      }
    }
    return nil
  }

  @Test func theSameFileIsRefusedUnderAllItsNames() throws {
    let path = scratch.write(pattern(4096), to: "a")
    scratch.write(pattern(4096), to: "other")
    #expect(link(path, scratch.file("hard")) == 0)
    #expect(symlink("a", scratch.file("soft")) == 0)
    for name in ["a", "hard", "soft", "./a", "state/../a"] {
      #expect(try refusal(source: path, target: scratch.file(name)) == "is the source itself")
    }
    #expect(try refusal(source: path, target: scratch.file("other")) == nil)
  }

  @Test(.needsLoopDevices) func aDeviceAndWhatItIsMadeOf() throws {
    let device = try LoopDevice(scratch, byteCount: 8 << 20)
    let second = try LoopDevice(over: device.backing)
    let partition = try device.addPartition(1, startSector: 2048, sectorCount: 2048)
    let upper = try LoopDevice(over: device.path)
    let unrelated = try LoopDevice(scratch, byteCount: 8 << 20)
    let cases = [
      (device.path, device.path, "is the source itself"),
      (device.path, partition, "is a partition of the source"),
      (partition, device.path, "is the disk that the source is a part of"),
      (device.backing, device.path, "is a loop device that shows the source"),
      (device.backing, partition, "is a loop device that shows the source"),
      (device.path, device.backing, "is what the source shows"),
      (device.path, upper.path, "is a loop device that shows the source"),
      (device.path, second.path, "shows the same bytes as the source"),
    ]
    for (source, target, sentence) in cases {
      #expect(try refusal(source: source, target: target) == sentence, "\(source) to \(target)")
    }
    #expect(try refusal(source: device.path, target: unrelated.path) == nil)
  }
}
