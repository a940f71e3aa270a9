// SPDX-License-Identifier: Apache-2.0

import Wire

/// What the source adds to an estimate: it compresses the sample that the target asked for, and
/// measures the line.
extension SourceRole {
  /// Nil where nobody wants to know.
  func appraise() throws(TransferError) -> Measurement? {
    guard job.operation == .measure else { return nil }
    let comparedAt = Clock.now
    let sample = CompressionSample(
      image: image, shape: shape, level: CompressionPilot(job.compression).level)
    let sizes = try sample.measure(state.peek { $0.sample })
    let appraisal = Appraisal(
      sampledByteCount: sizes.rawByteCount, compressedByteCount: sizes.frameByteCount,
      bytesPerSecond: sizes.rawByteCount == 0 ? nil : try probe.measure())
    connection.send(.appraisal(appraisal))
    return Measurement(appraisal: appraisal, comparedAt: comparedAt)
  }

  private var probe: LineProbe {
    LineProbe(
      send: { [connection, state] probe in
        if probe.endsRound { state.update { $0.awaitsProbed = true } }
        connection.send(.probe(probe))
      },
      receive: { [state] () throws(TransferError) in
        try state.await { state in
          defer { state.probed = nil }
          return state.probed
        }
      })
  }

  /// The target answers a round.
  func receive(_ count: ProbeCount) throws(TransferError) {
    let isExpected = state.update { state in
      defer { state.awaitsProbed = false }
      guard state.awaitsProbed else { return false }
      state.probed = count
      return true
    }
    if !isExpected { throw .breach("'probed' without a probe") }
  }

  /// Part of what the target would ask for. None of it is sent.
  func add(toSample wanted: WantedPages) throws(TransferError) {
    let fits = state.update { state in
      guard state.sample.count < WireLimits.sampleCount else { return false }
      state.sample.append(wanted)
      return true
    }
    if !fits { throw .breach("a sample of more than \(WireLimits.sampleCount) pieces") }
  }
}
