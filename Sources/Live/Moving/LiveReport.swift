// SPDX-License-Identifier: Apache-2.0

package import Transfer

/// What a finished move did.
package struct LiveReport: Sendable {
  /// What the pause was made of, in seconds.
  package struct Pause: Equatable, Sendable {
    package var forecast: Forecast
    package var pausing = 0.0
    package var taking = 0.0
    package var sending = 0.0
    package var settling = 0.0
    package var finishing = 0.0
    /// The user's command, and letting the machine go.
    package var switching = 0.0

    package var seconds: Double { ownSeconds + switching }

    /// What was predicted: all but what the user's command took.
    package var ownSeconds: Double { pausing + taking + sending + settling + finishing }
  }

  package struct Disk: Sendable {
    package var name: String
    package var report: Report
  }

  package var writer: String
  package var tracker: String
  package var rounds: [RoundRecord] = []
  package var pause: Pause?
  package var after: LiveSettings.After
  package var disks: [Disk] = []
  /// How often a pause was broken off because it took too long.
  package var brokenPauseCount = 0
  package var writesPerSecond: Int?
  package var elapsedSeconds = 0.0
}

/// What happens in a move, for who wants to show it.
package enum LiveEvent: Sendable {
  /// All is ready and the first pass begins.
  case began(writer: String, tracker: String, disks: [String])
  case round(RoundRecord)
  case slowedDown(writesPerSecond: Int)
  /// The user may say now when to cut over.
  case awaitsCutover
  case pausing(Forecast)
  /// The writer runs again, and the move goes on.
  case brokenOff(seconds: Double, reason: String)
  /// The targets are complete and verified.
  case handedOver(LiveReport.Pause)
}
