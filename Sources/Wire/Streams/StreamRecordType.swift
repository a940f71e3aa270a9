// SPDX-License-Identifier: Apache-2.0

/// The number of each record of a stream in its header, and how large it may be.
package enum StreamRecordType: UInt8, CaseIterable, FrameType {
  case manifest = 1
  case groups = 2
  case delta = 3
  case outline = 4
  case agreement = 5
  case details = 6
  case zero = 7
  /// As in the protocol.
  case data = 13
  case end = 14

  package var name: String { String(describing: self) }

  /// With the seal at its end.
  package var payloadByteCountLimit: Int {
    let body =
      switch self {
      case .manifest, .delta: 128 + WireLimits.programByteCount + 2 * WireLimits.nameByteCount
      case .groups: 10 + StreamLimits.itemsPerRecord * (3 + 16 * 32)
      case .outline: 10 + StreamLimits.runsPerRecord * 9 + StreamLimits.digestsPerRecord * 32
      case .details:
        2 + WireLimits.entriesPerBatch * (8 + 2 + WireLimits.pageSetByteCount + 32 + 16 * 32)
      case .data: MessageType.data.payloadByteCountLimit
      case .agreement, .zero, .end: 128
      }
    return body + StreamSeal.byteCount
  }

  /// In which streams it stands.
  var kinds: Set<StreamKind> {
    switch self {
    case .manifest, .groups: [.manifest]
    case .delta, .outline, .agreement, .details, .zero, .data: [.delta]
    case .end: [.manifest, .delta]
    }
  }
}
