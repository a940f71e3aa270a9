// SPDX-License-Identifier: Apache-2.0

import Wire

/// Chooses the level of compression from what the link shows: when batches have to wait for the
/// wire there is time to compress harder, when the wire waits for batches there is not.
///
/// It begins at level 1, and goes below that only after enough data that the time saved is
/// worth the bytes.
struct CompressionPilot {
  let compressor = Compressor()
  /// Of zstd; nil is raw.
  private(set) var level: Int?
  private let isAutomatic: Bool
  private var step: Int
  private var busyCount = 0
  private var idleCount = 0
  private var sentByteCount = 0

  /// From raw to the slowest level that a link is ever worth.
  private static let levels: [Int?] = [nil, -3, 1, 3, 6, 9, 12]
  private static let firstStep = 2
  /// Batches in a row that must agree before the level moves.
  private static let patience = 6
  /// Before so much is sent the level does not go below the first: a nightly difference is
  /// small, and bytes are what its user counts.
  private static let bytesBeforeFaster = 192 << 20

  init(_ compression: Compression) {
    step = Self.firstStep
    switch compression {
    case .automatic:
      isAutomatic = true
      level = Self.levels[Self.firstStep]
    case .none:
      isAutomatic = false
      level = nil
    case .level(let fixed):
      isAutomatic = false
      level = fixed
    }
  }

  /// What happened to the last batch: whether it had to wait for the wire.
  mutating func observe(linkWasBusy: Bool, rawByteCount: Int) {
    guard isAutomatic else { return }
    sentByteCount += rawByteCount
    busyCount = linkWasBusy ? busyCount + 1 : 0
    idleCount = linkWasBusy ? 0 : idleCount + 1
    if busyCount >= Self.patience {
      move(to: step + 1)
    } else if idleCount >= Self.patience {
      let mayGoFaster = sentByteCount >= Self.bytesBeforeFaster
      if step > Self.firstStep || mayGoFaster { move(to: step - 1) }
    }
  }

  private mutating func move(to newStep: Int) {
    busyCount = 0
    idleCount = 0
    guard Self.levels.indices.contains(newStep) else { return }
    step = newStep
    level = Self.levels[newStep]
  }
}
