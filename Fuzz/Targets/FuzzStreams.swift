// SPDX-License-Identifier: Apache-2.0

import Blocks
import Wire

/// A manifest stream or a delta, as anybody may put it into a pipe: first as it is, where seals
/// stop most of it, then as records whose seals are right, so that their decoders get to see it.
/// What was understood must be said again in the same bytes.
func fuzzStreams(_ input: [UInt8]) {
  guard let first = input.first else { return }
  let kind: StreamKind = first & 1 == 0 ? .manifest : .delta
  parse(Array(input.dropFirst()), kind)
  // Type, byte count (UInt16) and body, again and again.
  var writer = StreamWriter(kind)
  var rest = input.dropFirst()
  var stream = beginning(of: kind, with: &writer)
  while rest.count > 3 {
    let number = rest.removeFirst()
    let low = Int(rest.removeFirst())
    let byteCount = min(Int(rest.removeFirst()) << 8 | low, rest.count)
    guard let type = StreamRecordType(rawValue: number),
      byteCount + 16 <= type.payloadByteCountLimit
    else { break }
    stream += writer.encode(frame: [0, 0, 0, 0, number] + rest.prefix(byteCount))
    rest = rest.dropFirst(byteCount)
  }
  parse(stream, kind)
}

private func beginning(of kind: StreamKind, with writer: inout StreamWriter) -> [UInt8] {
  let byteCount = FuzzImage.shape.byteCount
  switch kind {
  case .manifest:
    return writer.encode(
      .manifest(ManifestStart(imageByteCount: byteCount, program: "", name: "")))
  case .delta:
    return writer.encode(
      .delta(
        DeltaStart(
          baseByteCount: byteCount, imageByteCount: byteCount, program: "", baseName: "",
          name: "")))
  }
}

private func parse(_ stream: [UInt8], _ kind: StreamKind) {
  var parser = StreamParser(kind)
  unsafe stream.withUnsafeBytes { unsafe parser.append($0) }
  var writer = StreamWriter(kind)
  var again: [UInt8] = []
  var hasText = false
  while let record = try? parser.next() {
    again += writer.encode(record)
    // Text may have been escaped.
    switch record {
    case .manifest(let start): hasText = hasText || !(start.name + start.program).isEmpty
    case .delta(let start):
      hasText = hasText || !(start.name + start.program + start.baseName).isEmpty
    case .data(let batch):
      precondition(batch.pageByteCount <= WireLimits.dataBatchByteCount)
    default: break
    }
  }
  precondition(hasText || stream.starts(with: again), "not what was understood")
}
