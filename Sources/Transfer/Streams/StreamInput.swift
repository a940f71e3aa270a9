// SPDX-License-Identifier: Apache-2.0

import Glibc
import Storage
import Wire

/// Records of a stream, as they come from a pipe or a file.
///
/// Each record is given away only when its seal is right; that the stream is complete is known
/// when `finish` has returned.
final class StreamInput {
  private let bytes: ByteInput
  private let kind: StreamKind
  private let counters: Counters
  private var parser: StreamParser

  init(_ bytes: ByteInput, _ kind: StreamKind, counters: Counters) {
    self.bytes = bytes
    self.kind = kind
    self.counters = counters
    parser = StreamParser(kind)
  }

  var name: String { bytes.name }

  /// The next record; the end of the input is an error here.
  func next() throws(TransferError) -> StreamRecord {
    while true {
      if let record = try parsed({ (parser) throws(WireError) in try parser.next() }) {
        return record
      }
      if try fill() == 0 {
        try parsed { (parser) throws(WireError) in try parser.finish() }
        throw error("more records were expected")
      }
    }
  }

  /// Makes sure that nothing follows the last record.
  func finish() throws(TransferError) {
    repeat {
      if try parsed({ (parser) throws(WireError) in try parser.next() }) != nil {
        throw error("records follow the end")
      }
    } while try fill() > 0
    try parsed { (parser) throws(WireError) in try parser.finish() }
  }

  /// Reads all of a file that can be read twice, so that a broken one is refused before anything
  /// is done; of a pipe nothing can be known beforehand.
  func checkWhole() throws(TransferError) {
    guard bytes.canRewind else { return }
    let ahead = StreamInput(bytes, kind, counters: Counters())
    while true {
      if case .end = try ahead.next() { break }
    }
    try ahead.finish()
    do throws(StorageError) {
      try bytes.rewind()
    } catch {
      throw TransferError(.stream, error)
    }
  }

  /// What is in it contradicts itself.
  func error(_ sentence: String) -> TransferError {
    TransferError(.stream, "\(bytes.name): \(sentence)", status: .remote)
  }

  private func parsed<Result>(
    _ body: (inout StreamParser) throws(WireError) -> Result
  ) throws(TransferError) -> Result {
    do throws(WireError) {
      return try body(&parser)
    } catch {
      throw self.error(error.description)
    }
  }

  private func fill() throws(TransferError) -> Int {
    do throws(StorageError) {
      let count = try unsafe parser.receive { (room) throws(StorageError) -> Int in
        try unsafe bytes.read(into: room)
      }
      counters.add(UInt64(count), to: .wireReceived)
      return count
    } catch {
      throw TransferError(.stream, error)
    }
  }
}
