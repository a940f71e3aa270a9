// SPDX-License-Identifier: Apache-2.0

import Live
import Storage
import Transfer
import Wire

/// What was typed: the options as they stood on the command line, each in its own syntax, and the
/// operands as words. What they mean together, with the environment, is `Invocation`'s.
struct Arguments: Equatable, Sendable {
  /// What was asked about progress.
  enum Progress: Equatable, Sendable {
    /// Shown when standard error is a terminal.
    case automatic
    case off
    case on
    /// `--progress=FD`: plain lines to a descriptor that the caller has opened.
    case descriptor(Int32)
  }

  var subcommand = Subcommand.copy
  var operands: [String] = []

  var isDryRun = false
  var isEstimate = false
  var isWhole = false
  var keepsSparse = true
  var compression = Compression.automatic
  var seeds: [String] = []
  var siblings: [String] = []
  var sizePolicy = SizePolicy.resize
  var verifiesTarget = false
  var isForced = false
  var isAtomic = false

  var manifest = ManifestPlace.byKey
  var readsSource = false
  var isParanoid = false
  var trustsTarget = false
  var spotCheckCount: Int?

  var liveMethod: LiveMethod?
  var live = LiveSettings()
  /// The options that were given and make sense in a live copy only.
  var liveOptions: [String] = []
  /// Nil follows from whether there is a switch command.
  var after: LiveSettings.After?

  var connections = Connections.automatic
  var bandwidthLimit: UInt64?
  var remoteShell: String?
  var remoteCommand: String?
  var timeoutSeconds: Int?
  var retryCount: Int?

  var isQuiet = false
  var verbosity = 0
  var showsStatistics = false
  var progress = Progress.automatic
  var isJSON = false
  var logFile: String?
  var wantsHelp = false
  var wantsVersion = false

  var threadCount = 0
  var indexMemoryByteCount: UInt64?

  var restrictions: [String] = []
  var isReadOnly = false
  var isWriteOnly = false
  var serverRole: ServerRole?
  var generated: GeneratedFile?
  /// The process to watch over.
  var guarded: Int32?
}
