// SPDX-License-Identifier: Apache-2.0

package import Blocks
package import Storage
import Wire

/// The things the command does with images, each a blocking call that gives a report or
/// throws. Progress is read from `counters` by whoever wants to show it.
package struct Run: Sendable {
  package var settings: Settings
  package let counters: Counters
  package let announce: Announce

  package init(
    settings: Settings, counters: Counters, announce: @escaping Announce = { _ in }
  ) {
    self.settings = settings
    self.counters = counters
    self.announce = announce
  }

  /// Makes `target` equal to `source`. `target` may be a directory.
  package func copy(_ source: Location, to target: Location) throws(TransferError) -> Report {
    try timed { () throws(TransferError) in
      switch (source, target) {
      case (.local(let source), .local(let target)):
        return try LocalRun(settings: settings, counters: counters).copy(source, to: target)
      case (.local(let source), .remote(let target)):
        return try perseverance.run { () throws(TransferError) in try remote(target).push(source) }
      case (.remote(let source), .local(let target)):
        return try perseverance.run { () throws(TransferError) in
          try remote(source).pull(to: target)
        }
      case (.remote, .remote):
        throw bothRemote
      }
    }
  }

  /// Makes `target` equal to an image that somebody writes to meanwhile: its director says when
  /// what is read again, and when it is over. There is a process of its own at the target's end,
  /// on this machine as well.
  package func copyLive(
    _ source: any CopySource, named suggestedName: String, to target: Location,
    director: any RoundDirector
  ) throws(TransferError) -> Report {
    try timed { () throws(TransferError) in
      let location: RemoteLocation =
        switch target {
        case .local(let path): .here(path)
        case .remote(let remote): remote
        }
      return try remote(location).pushLive(source, named: suggestedName, director: director)
    }
  }

  /// Compares two images and changes neither.
  package func verify(
    _ source: Location, against target: Location
  ) throws(TransferError) -> Report {
    try timed { () throws(TransferError) in
      switch (source, target) {
      case (.local(let source), .local(let target)):
        return try LocalRun(settings: settings, counters: counters)
          .verify(source, against: target)
      case (.local(let source), .remote(let target)):
        return try remote(target).verify(source)
      case (.remote(let source), .local(let target)):
        return try remote(source).verify(against: target)
      case (.remote, .remote):
        throw bothRemote
      }
    }
  }

  /// What is remembered of an image on this machine.
  package func status(of path: String) throws(TransferError) -> ImageStatus {
    do throws(StorageError) {
      return try ImageStatus.look(at: path, manifest: settings.manifest)
    } catch {
      throw TransferError(.source, error)
    }
  }

  /// The 32-byte name of an image.
  package func digest(of image: Location) throws(TransferError) -> Digest {
    switch image {
    case .local(let path):
      try LocalRun(settings: settings, counters: counters).digest(of: path)
    case .remote(let location):
      try remote(location).digest().imageDigest
    }
  }

  private func remote(_ location: RemoteLocation) -> RemoteRun {
    RemoteRun(
      location: location, settings: settings, counters: counters, announce: announce)
  }

  private var perseverance: Perseverance {
    Perseverance(retryCount: settings.retryCount, counters: counters, announce: announce)
  }

  private var bothRemote: TransferError {
    TransferError(
      .remote, "source and target are both remote", hint: "run blkmove on one of the two hosts",
      status: .usage)
  }

  func timed(
    _ body: () throws(TransferError) -> Report
  ) throws(TransferError) -> Report {
    let start = Clock.now
    var report = try body()
    report.elapsedSeconds = Clock.now - start
    if report.passCount > 1 {
      let more = report.passCount == 2 ? "one more pass" : "\(report.passCount - 1) more passes"
      report.notes.append("the source changed during the run; that was settled in \(more)")
    }
    counters.enter(.done)
    report.counters = counters.snapshot
    return report
  }
}
