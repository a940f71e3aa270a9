// SPDX-License-Identifier: Apache-2.0

/// What the client asks the server to take part in. Paths are not in it: the server has its
/// own from its command line, where whoever restricts it can see them.
package struct Job: Equatable, Sendable {
  package enum Operation: UInt8, CaseIterable, Sendable {
    case copy = 0
    /// A dry run: nothing is written.
    case estimate = 1
    case verify = 2
    case digest = 3
    /// A copy of a stream, whose length is not known.
    case stream = 4
    /// An estimate, with measures of what a copy would take.
    case measure = 5
  }

  /// Whether nothing is written.
  package var isDryRun: Bool { operation == .estimate || operation == .measure }

  /// Which side of the conversation the server takes.
  package enum Role: UInt8, CaseIterable, Sendable {
    case source = 0
    case target = 1
  }

  /// What happens when source and target differ in size.
  package enum SizePolicy: UInt8, CaseIterable, Sendable {
    case strict = 0
    case resize = 1
    case min = 2
  }

  package var operation: Operation
  package var serverRole: Role
  /// Ask nothing, send everything that is not zero.
  package var isWhole: Bool
  package var keepsSparse: Bool
  package var isForced: Bool
  package var verifiesTarget: Bool
  /// Whether both ends keep manifests.
  package var keepsManifests: Bool
  /// The source is read even where its manifest is proved.
  package var readsSource: Bool
  /// Both ends hash all they read: fingerprints are not believed.
  package var isParanoid: Bool
  /// Nobody but runs of blkmove writes to the target, says the user.
  package var trustsTarget: Bool
  /// A target file that exists is replaced as a whole, not changed in place.
  package var isAtomic: Bool
  /// Somebody writes to the source meanwhile: rounds over what was written follow the first pass.
  package var isLive: Bool
  /// A new target has its name from the beginning: somebody opens it before it is complete.
  package var appearsAtOnce: Bool
  package var sizePolicy: SizePolicy
  /// How many groups of a target are read although its manifest is trusted.
  package var spotCheckCount: Int
  /// 0 is one for each processor.
  package var threadCount: Int
  package var indexMemoryByteCount: UInt64
  package var compression: Compression
  /// Bytes a second; nil is unlimited.
  package var bandwidthLimit: UInt64?
  /// What to call the target when its path is a directory: one component of a path, or empty.
  /// What is not one is sent as empty.
  package var suggestedName: String
  /// How often the server tells its counters; 0 is never.
  package var progressIntervalMilliseconds: UInt32

  package init(
    operation: Operation, serverRole: Role, isWhole: Bool = false, keepsSparse: Bool = true,
    isForced: Bool = false, verifiesTarget: Bool = false, keepsManifests: Bool = false,
    readsSource: Bool = false, isParanoid: Bool = false, trustsTarget: Bool = false,
    isAtomic: Bool = false, isLive: Bool = false, appearsAtOnce: Bool = false,
    sizePolicy: SizePolicy = .resize,
    spotCheckCount: Int = 64,
    threadCount: Int = 0, indexMemoryByteCount: UInt64 = 64 << 20,
    compression: Compression = .automatic, bandwidthLimit: UInt64? = nil,
    suggestedName: String = "", progressIntervalMilliseconds: UInt32 = 0
  ) {
    self.operation = operation
    self.serverRole = serverRole
    self.isWhole = isWhole
    self.keepsSparse = keepsSparse
    self.isForced = isForced
    self.verifiesTarget = verifiesTarget
    self.keepsManifests = keepsManifests
    self.readsSource = readsSource
    self.isParanoid = isParanoid
    self.trustsTarget = trustsTarget
    self.isAtomic = isAtomic
    self.isLive = isLive
    self.appearsAtOnce = appearsAtOnce
    self.spotCheckCount = spotCheckCount
    self.sizePolicy = sizePolicy
    self.threadCount = threadCount
    self.indexMemoryByteCount = indexMemoryByteCount
    self.compression = compression
    self.bandwidthLimit = bandwidthLimit
    self.suggestedName = suggestedName
    self.progressIntervalMilliseconds = progressIntervalMilliseconds
  }

  init(from reader: inout PayloadReader) throws(WireError) {
    operation = try reader.choice("operation")
    serverRole = try reader.choice("server role")
    let flags = try reader.uint8("flags")
    isWhole = flags & 1 != 0
    keepsSparse = flags & 2 != 0
    isForced = flags & 4 != 0
    verifiesTarget = flags & 8 != 0
    keepsManifests = flags & 16 != 0
    readsSource = flags & 32 != 0
    isParanoid = flags & 64 != 0
    trustsTarget = flags & 128 != 0
    sizePolicy = try reader.choice("size policy")
    threadCount = try reader.checked(
      reader.uint16("threads"), "threads", in: 0...WireLimits.threadCount)
    indexMemoryByteCount = try reader.uint64("index memory")
    compression = try Job.compression(from: &reader)
    let limit = try reader.uint64("bandwidth limit")
    bandwidthLimit = limit == 0 ? nil : limit
    suggestedName = try reader.text("suggested name", atMost: WireLimits.fileNameByteCount)
    guard Job.isComponent(suggestedName) else {
      throw reader.error(
        "suggested name", found: String(evidence: suggestedName.utf8),
        allowed: "one component of a path")
    }
    progressIntervalMilliseconds = try reader.uint32("progress interval")
    if progressIntervalMilliseconds > WireLimits.progressIntervalMilliseconds {
      throw reader.error(
        "progress interval", found: "\(progressIntervalMilliseconds) ms",
        allowed: "at most \(WireLimits.progressIntervalMilliseconds) ms")
    }
    spotCheckCount = Int(try reader.uint16("spot checks"))
    isAtomic = try reader.boolean("atomic")
    isLive = try reader.boolean("live")
    appearsAtOnce = try reader.boolean("appears at once")
  }

  /// Figures beyond a limit are lowered to it: what the user asked for is then not possible,
  /// and as much as is possible is meant.
  func write(to writer: inout PayloadWriter) {
    writer.write(operation.rawValue)
    writer.write(serverRole.rawValue)
    let flags = [
      isWhole, keepsSparse, isForced, verifiesTarget, keepsManifests, readsSource, isParanoid,
      trustsTarget,
    ]
    writer.write(flags.reversed().reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) })
    writer.write(sizePolicy.rawValue)
    writer.write(UInt16(min(max(threadCount, 0), WireLimits.threadCount)))
    writer.write(indexMemoryByteCount)
    writer.write(compressionNumber)
    writer.write(bandwidthLimit ?? 0)
    writer.write(
      Job.isComponent(suggestedName) ? suggestedName : "", atMost: WireLimits.fileNameByteCount)
    writer.write(min(progressIntervalMilliseconds, WireLimits.progressIntervalMilliseconds))
    writer.write(UInt16(clamping: spotCheckCount))
    writer.write(isAtomic)
    writer.write(isLive)
    writer.write(appearsAtOnce)
  }

  private static let automaticCompression: UInt8 = 255

  private var compressionNumber: UInt8 {
    switch compression {
    case .automatic: return Job.automaticCompression
    case .none: return 0
    case .level(let level):
      let levels = WireLimits.compressionLevels
      return UInt8(min(max(level, levels.lowerBound), levels.upperBound))
    }
  }

  private static func compression(
    from reader: inout PayloadReader
  ) throws(WireError) -> Compression {
    let number = try reader.uint8("compression")
    switch Int(number) {
    case 0: return .none
    case WireLimits.compressionLevels: return .level(Int(number))
    case Int(automaticCompression): return .automatic
    default:
      throw reader.error(
        "compression", found: "\(number)", allowed: "0, 1 to 19 or 255 (automatic)")
    }
  }

  /// Whether a name can be put after a directory without leading out of it.
  private static func isComponent(_ name: String) -> Bool {
    !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0) && name != "." && name != ".."
  }
}
