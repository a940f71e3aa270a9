// SPDX-License-Identifier: Apache-2.0

import Blocks

/// One record of a stream, understood. docs/streams.md describes them all.
package enum StreamRecord: Equatable, Sendable {
  /// First in a manifest stream.
  case manifest(ManifestStart)
  case groups(ManifestGroups)
  /// First in a delta.
  case delta(DeltaStart)
  case outline(DeltaOutline)
  /// Behind the outline.
  case agreement(DeltaAgreement)
  case details(DeltaDetails)
  /// Segments that become zero.
  case zero(SegmentRange)
  case data(DataBatch)
  /// Last in every stream.
  case end(StreamEnd)

  package var type: StreamRecordType {
    switch self {
    case .manifest: .manifest
    case .groups: .groups
    case .delta: .delta
    case .outline: .outline
    case .agreement: .agreement
    case .details: .details
    case .zero: .zero
    case .data: .data
    case .end: .end
    }
  }

  /// The image that the records behind this one are about, if it is a first one.
  var imageByteCount: UInt64? {
    switch self {
    case .manifest(let start): start.imageByteCount
    case .delta(let start): start.imageByteCount
    default: nil
    }
  }

  /// Header and body, without a seal.
  func encoded() -> [UInt8] {
    if case .data(let batch) = self { return batch.encoded() }
    var writer = PayloadWriter(type)
    switch self {
    case .manifest(let payload): payload.write(to: &writer)
    case .groups(let payload): payload.write(to: &writer)
    case .delta(let payload): payload.write(to: &writer)
    case .outline(let payload): payload.write(to: &writer)
    case .agreement(let payload): payload.write(to: &writer)
    case .details(let payload): payload.write(to: &writer)
    case .zero(let payload): payload.write(to: &writer)
    case .data: break
    case .end(let payload): payload.write(to: &writer)
    }
    return writer.finish()
  }

  /// Understands the body of a record. Segments, groups and pages that `shape` does not have are
  /// refused.
  init(_ type: StreamRecordType, body: [UInt8], shape: ImageShape?) throws(WireError) {
    var reader = PayloadReader(type, body, width: .full, shape: shape)
    switch type {
    case .manifest: self = .manifest(try ManifestStart(from: &reader))
    case .groups: self = .groups(try ManifestGroups(from: &reader))
    case .delta: self = .delta(try DeltaStart(from: &reader))
    case .outline: self = .outline(try DeltaOutline(from: &reader))
    case .agreement: self = .agreement(try DeltaAgreement(from: &reader))
    case .details: self = .details(try DeltaDetails(from: &reader))
    case .zero: self = .zero(try SegmentRange(from: &reader))
    case .data: self = .data(try DataBatch(from: &reader))
    case .end: self = .end(try StreamEnd(from: &reader))
    }
    try reader.finish()
  }
}
