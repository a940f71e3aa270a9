// SPDX-License-Identifier: Apache-2.0

import Blocks
import Storage
import Wire

/// The target of a conversation that writes what it gets to a stream. To the source it is a target
/// that has nothing and wants everything, in order; so it needs nothing that an image has.
///
/// Used by one thread: nothing is said before the end, so that it may wait for whoever reads the
/// stream while the source waits for it.
struct EmittingRole {
  let output: ByteOutput
  let connection: Connection
  let counters: Counters

  struct Outcome {
    var source: SourceDescription
    var imageDigest: Digest
  }

  func run() throws(TransferError) -> Outcome {
    let source = try Handshake.receiveSource(connection)
    let shape = ImageShape(byteCount: source.byteCount)
    counters.set(.imageByteCount, to: source.byteCount)
    connection.agree(on: shape)
    connection.send(
      .target(
        TargetDescription(
          byteCount: source.byteCount, startsZero: true, isNew: true, wasUnfinished: false,
          name: output.name, notes: [])))
    counters.enter(.comparing)
    let emitter = ImageEmitter(output, shape: shape, counters: counters)
    do throws(TransferError) {
      let digest = try emit(emitter, shape, name: source.name)
      return Outcome(source: source, imageDigest: digest)
    } catch {
      connection.tell(error)
      throw emitter.explain(error)
    }
  }

  private func emit(
    _ emitter: ImageEmitter, _ shape: ImageShape, name: String
  ) throws(TransferError) -> Digest {
    guard case .pass(let start) = try next(), start.number == 1, !start.isKnownEqual else {
      throw .breach("a stream begins with pass 1")
    }
    let decompressor = Decompressor()
    let buffer = PageBuffer(byteCount: Geometry.segmentByteCount)
    while true {
      switch try next() {
      // Zeros are what no data comes for.
      case .position, .zero: continue
      case .data(let batch):
        let received: ReceivedBatch
        do throws(WireError) {
          received = try ReceivedBatch(batch, shape: shape, using: decompressor)
        } catch {
          throw TransferError(error)
        }
        try write(received, to: emitter, shape, buffer)
      case .scanned(let scanned):
        try emitter.writeZeros(upTo: shape.segmentCount)
        let digest = try emitter.finish()
        guard digest == scanned.imageDigest else { throw RememberingScan.changed(name) }
        connection.send(.settled(Settled(imageDigest: digest, unsettledPageCount: 0)))
        return try end(digest, name: name)
      case let message: throw .breach("'\(message.name)' is not for a stream")
      }
    }
  }

  /// The source agrees, unless it knows that it has changed.
  private func end(_ digest: Digest, name: String) throws(TransferError) -> Digest {
    switch try next() {
    case .agreed:
      connection.send(
        .done(Completion(isVerified: false, counters: counters.forTheOtherEnd)))
      return digest
    case .pass: throw RememberingScan.changed(name)
    case let message: throw .breach("'\(message.name)' instead of 'agreed'")
    }
  }

  private func write(
    _ batch: ReceivedBatch, to emitter: ImageEmitter, _ shape: ImageShape, _ buffer: PageBuffer
  ) throws(TransferError) {
    var slot = 0
    for entry in batch.content.entries {
      guard entry.segment >= emitter.segment else {
        throw .breach("segment \(entry.segment) comes out of order")
      }
      try emitter.writeZeros(upTo: entry.segment)
      let length = shape.segmentLength(entry.segment)
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<length])
      unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
      var digests = ZeroDigests.segmentDigests(length: length).pages
      for run in entry.pages.runs {
        let place = run.lowerBound * Geometry.pageByteCount
        unsafe batch.withBytes(of: slot..<slot + run.count) { pages in
          unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyMemory(from: pages)
        }
        for page in run {
          digests[page] = batch.pages.digests[slot]
          slot += 1
        }
      }
      let zeroPages = PageSet(firstPages: digests.count).subtracting(entry.pages)
      let digest = SegmentDigests.assembling(pages: digests, zeroPages: zeroPages).digest
      try unsafe emitter.write(UnsafeRawBufferPointer(bytes), digest: digest)
    }
  }

  private func next() throws(TransferError) -> Message {
    while let message = try connection.receive() {
      switch message {
      case .progress: continue
      case .failure(let failure):
        throw TransferError(.source, failure, from: connection.otherEnd)
      default: return message
      }
    }
    throw .lost
  }
}

extension RemoteRun {
  /// Writes the image at the other end to a stream.
  func emit(to output: ByteOutput) throws(TransferError) -> Report {
    var whole = self
    whole.settings.isWhole = true
    whole.settings.isDryRun = false
    // In order they come over one connection only.
    whole.settings.connections = .exactly(1)
    let job = whole.job(.copy, serverRole: .source, suggestedName: "")
    return try whole.converse(job: job) { (connection, _) throws(TransferError) in
      let outcome = try EmittingRole(
        output: output, connection: connection, counters: counters
      ).run()
      var report = Report()
      report.imageByteCount = outcome.source.byteCount
      report.imageDigest = outcome.imageDigest
      report.connectionCount = 1
      return report
    }
  }
}
