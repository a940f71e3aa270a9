// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// The four things the command does with images, each a blocking call that gives a report or
/// throws. Progress is read from `counters` by whoever wants to show it.
package struct Run: Sendable {
  package var settings: Settings
  package let counters: Counters

  package init(settings: Settings, counters: Counters) {
    self.settings = settings
    self.counters = counters
  }

  /// Makes `target` equal to `source`. `target` may be a directory.
  package func copy(_ source: Location, to target: Location) throws(TransferError) -> Report {
    throw TransferError(.source, "cannot be copied yet", status: .failed)
  }

  /// Compares two images and changes neither.
  package func verify(_ source: Location, against target: Location) throws(TransferError) -> Report {
    throw TransferError(.source, "cannot be verified yet", status: .failed)
  }

  /// The 32-byte name of an image.
  package func digest(of image: Location) throws(TransferError) -> Digest {
    throw TransferError(.source, "cannot be digested yet", status: .failed)
  }
}

/// The other end of a run: speaks the protocol on standard input and output until it is over.
package struct Server: Sendable {
  /// Which side of the conversation a server takes.
  package enum Role: String, Sendable, CaseIterable {
    case source, target
  }

  package enum Mode: String, Sendable, CaseIterable {
    case readWrite, readOnly, writeOnly
  }

  package var role: Role
  package var path: String
  package var seeds: [String]
  /// Paths it may touch; nil is everything that the account may.
  package var restriction: [String]?
  package var mode: Mode

  package init(
    role: Role, path: String, seeds: [String], restriction: [String]? = nil,
    mode: Mode = .readWrite
  ) {
    self.role = role
    self.path = path
    self.seeds = seeds
    self.restriction = restriction
    self.mode = mode
  }

  /// Serves one job and returns the status to exit with; errors go to the other end, or to
  /// standard error when there is none to tell.
  package func serve() -> ExitStatus { .failed }
}
