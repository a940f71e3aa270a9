// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

@Suite(.timeLimit(.minutes(1))) struct SourceMemoryTests {
  let scratch = Scratch()

  private let job: Job = {
    var job = Job(operation: .copy, serverRole: .target)
    job.keepsManifests = true
    return job
  }()

  /// An image of which all is remembered, and whose times say that it is still that.
  private func remembered() throws -> SourceImage {
    scratch.write(Pages((1...40).map { .content($0) }), to: "source")
    // Every later change has other times.
    usleep(100_000)
    let image = try scratch.openSource("source")
    let manifest = try #require(image.findManifest(.byKey).manifest)
    let shape = ImageShape(byteCount: image.byteCount)
    let scan = ImageScan(
      image: image, shape: shape, threadCount: 1, memory: ScanMemory(manifest, trust: .nothing))
    defer { scan.finish() }
    var folder = TreeFolder(shape: shape)
    while let item = try scan.next() {
      switch item {
      case .zero(let segments): folder.appendZeroSegments(segments.count)
      case .data(_, let digests): folder.append(segment: digests.digest)
      }
    }
    try manifest.close(
      identity: image.identity, imageDigest: folder.finish(), peer: "", name: "source")
    return try scratch.openSource("source")
  }

  private func trust(_ memory: SourceMemory) -> ScanMemory.Trust? {
    memory.scanMemory(passNumber: 1, needsAllPages: false)?.trust
  }

  @Test func anImageAtRestIsProvedByItsTimes() throws {
    let memory = SourceMemory(of: try remembered(), job: job, at: .byKey)
    #expect(memory.provedDigest != nil)
    #expect(trust(memory) == .records)
  }

  /// Whoever has it open may have written after its times were looked at, and before he was
  /// tracked.
  @Test func anImageInUseIsRead() throws {
    let memory = try SourceMemory(ofLive: try remembered(), job: job, at: .byKey)
    #expect(memory.provedDigest == nil)
    #expect(trust(memory) == .fingerprints)
  }
}
