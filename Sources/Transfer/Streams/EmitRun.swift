// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// Copies an image to a stream: its bytes in their order. What is written cannot be taken back, so
/// an image that changes meanwhile is an error, and nobody may take what was written for it.
struct EmitRun {
  let settings: Settings
  let counters: Counters
  let announce: Announce

  func run(_ source: Location, to output: ByteOutput) throws(TransferError) -> Report {
    switch source {
    case .local(let path): try emit(path, to: output)
    case .remote(let location):
      try RemoteRun(
        location: location, settings: settings, counters: counters, announce: announce
      ).emit(to: output)
    }
  }

  /// An image of this machine.
  private func emit(_ path: String, to output: ByteOutput) throws(TransferError) -> Report {
    let image = try StreamImage.openSource(path, settings)
    let shape = ImageShape(byteCount: image.byteCount)
    counters.set(.imageByteCount, to: image.byteCount)
    counters.enter(.comparing)
    let emitter = ImageEmitter(output, shape: shape, counters: counters)
    do throws(TransferError) {
      let reader = SegmentReader(image: image, shape: shape)
      for segment in 0..<shape.segmentCount {
        if try read(segment, reader) {
          let bytes = unsafe reader.bytes(of: segment)
          let digests = unsafe SegmentDigests.hashing(bytes)
          try unsafe emitter.write(bytes, digest: digests.digest)
        } else {
          try emitter.writeZeros(upTo: segment + 1)
        }
      }
      try RememberingScan(image: image, settings: settings, counters: counters)
        .requireUnchanged()
      var report = Report()
      report.imageByteCount = image.byteCount
      report.imageDigest = try emitter.finish()
      report.notes = image.notes
      return report
    } catch {
      throw emitter.explain(error)
    }
  }

  private func read(
    _ segment: Int, _ reader: SegmentReader
  ) throws(TransferError) -> Bool {
    do throws(StorageError) {
      return try reader.read(segment)
    } catch {
      throw TransferError(.source, error)
    }
  }
}
