// SPDX-License-Identifier: Apache-2.0

import Storage
import Wire

/// Writes the records of a stream, and waits for whoever reads it.
final class StreamOutput {
  private let bytes: ByteOutput
  private let counters: Counters
  private var writer: StreamWriter

  init(_ bytes: ByteOutput, _ kind: StreamKind, counters: Counters) {
    self.bytes = bytes
    self.counters = counters
    writer = StreamWriter(kind)
  }

  func write(_ record: StreamRecord) throws(TransferError) {
    try put(writer.encode(record))
  }

  /// A frame of a data batch.
  func write(frame: [UInt8]) throws(TransferError) {
    try put(writer.encode(frame: frame))
  }

  func close() throws(TransferError) {
    do throws(StorageError) {
      try bytes.close()
    } catch {
      throw TransferError(.stream, error)
    }
  }

  private func put(_ record: [UInt8]) throws(TransferError) {
    do throws(StorageError) {
      try bytes.write(record)
    } catch {
      throw TransferError(.stream, error)
    }
    counters.add(UInt64(record.count), to: .wireSent)
  }
}
