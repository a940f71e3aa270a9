// SPDX-License-Identifier: Apache-2.0

/// The number of each message in the header of its frame, and how large it may be.
package enum MessageType: UInt8, CaseIterable, FrameType {
  case hello = 1
  case job = 2
  case source = 3
  case target = 4
  case pass = 5
  case segments = 6
  case position = 7
  case zero = 8
  case groups = 9
  case differ = 10
  case pages = 11
  case want = 12
  case data = 13
  case scanned = 14
  case settled = 15
  case agreed = 16
  case done = 17
  case progress = 18
  case verdict = 19
  case digest = 20
  case failure = 21
  case closed = 22
  case strands = 23
  case invitation = 24
  case join = 25
  case joined = 26
  case arrived = 27
  case leave = 28
  case probe = 29
  case probed = 30
  case appraisal = 31
  case note = 32
  case round = 33
  case unsettled = 34

  package var name: String { String(describing: self) }

  /// Refused in the header already, before memory is found for the payload.
  package var payloadByteCountLimit: Int {
    switch self {
    case .hello: WireLimits.helloByteCount
    case .job: 64 + WireLimits.fileNameByteCount
    case .source: 64 + WireLimits.nameByteCount + WireLimits.machineByteCount
    case .target:
      64 + WireLimits.nameByteCount
        + WireLimits.notesPerMessage * (2 + WireLimits.textByteCount)
    case .segments: 10 + WireLimits.runsPerMessage * 9 + WireLimits.digestsPerMessage * 32
    case .groups: 10 + 16 * 32
    case .pages: 10 + 16 * 2 + 256 * 32
    case .data: DataBatch.headerByteCount + WireLimits.batchContentByteCount
    case .failure: 5 + 2 * WireLimits.textByteCount
    case .probe: 3 + WireLimits.probeFillerByteCount
    case .note: 2 + WireLimits.textByteCount
    case .pass, .position, .zero, .differ, .want, .scanned, .settled, .agreed, .done, .progress,
      .verdict, .digest, .closed, .strands, .invitation, .join, .joined, .arrived, .leave,
      .probed, .appraisal, .round, .unsettled:
      128
    }
  }
}
