// SPDX-License-Identifier: Apache-2.0

import Blocks
import Live
import Storage
import Transfer

/// Carries out what a command line asks for, image by image, and reports each.
///
/// It relies on `Engine` for the work itself, so that everything said around it can be
/// tested without copying anything.
struct TaskRunner {
  var settings: Settings
  let reporter: Reporter
  let progress: TerminalProgress
  let engine: Engine

  /// The status to exit with; the end itself is not said yet.
  func run(_ task: Invocation.Task) -> ExitStatus {
    switch task {
    case .copy(let sources, let target): copy(sources, to: target)
    case .live(let request): live(request)
    case .verify(let source, let target): verify(source, against: target)
    case .digest(let images): digest(images)
    case .status(let images): status(images)
    case .pipeline(let task): pipe(task)
    case .serve, .server, .join, .relay, .generate, .guardian, .cutover, .help, .version: .failed
    }
  }

  private func copy(_ sources: [Location], to target: Location) -> ExitStatus {
    reporter.start(sources, target)
    var settings = settings
    return each(sources, target) { (source, counters) throws(TransferError) in
      let report = try engine.copy(settings, counters, source, target, reporter.announce)
      // What one image brought need not be sent for the next.
      settings.siblings.append(report.targetPath)
      return report
    }
  }

  private func verify(_ source: Location, against target: Location) -> ExitStatus {
    reporter.start([source], target)
    return each([source], target) { (source, counters) throws(TransferError) in
      let report = try engine.verify(settings, counters, source, target, reporter.announce)
      if !reporter.arguments.isQuiet { reporter.answer(verdict(report, source, target)) }
      return report
    }
  }

  private func digest(_ images: [Location]) -> ExitStatus {
    reporter.start(images, nil)
    return each(images, nil) { (image, counters) throws(TransferError) in
      let digest = try engine.digest(settings, counters, image, reporter.announce)
      reporter.answer("\(digest.hexadecimal)  \(image.displayed)")
      var report = Report()
      report.counters = counters.snapshot
      report.imageByteCount = report.counters.imageByteCount
      report.imageDigest = digest
      return report
    }
  }

  private func pipe(_ task: PipelineTask) -> ExitStatus {
    let (source, target) = task.ends
    reporter.start([source], target)
    return each([source], target) { (_, counters) throws(TransferError) in
      let report = try engine.perform(task, settings, counters, reporter.announce)
      let text = PipelineText(task: task, isDryRun: settings.isDryRun)
      if !reporter.arguments.isQuiet, let line = text.line(report) { reporter.answer(line) }
      return report
    }
  }

  private func status(_ images: [String]) -> ExitStatus {
    let locations = images.map { Location.local(path: $0) }
    reporter.start(locations, nil)
    return each(locations, nil) { (image, _) throws(TransferError) in
      let status = try engine.status(settings, image.path)
      for line in StatusText(status).lines { reporter.answer(line) }
      reporter.tell(StatusText(status).object)
      var report = Report()
      report.imageByteCount = status.byteCount
      report.imageDigest = StatusText(status).digest
      return report
    }
  }

  /// One image after the other. An image that fails does not keep the others from
  /// their turn, a connection that fails does.
  private func each(
    _ sources: [Location], _ target: Location?,
    _ work: (Location, Counters) throws(TransferError) -> Report
  ) -> ExitStatus {
    var worst = ExitStatus.done
    for (index, source) in sources.enumerated() {
      let subject = TerminalProgress.Subject(
        source: source.displayed, target: target?.displayed, counters: Counters(),
        position: sources.count > 1 ? (index + 1, sources.count) : nil)
      progress.follow(subject)
      let status: ExitStatus
      do {
        let report = try work(source, subject.counters)
        progress.rest()
        status = report.isEqual ? .done : .differ
        reporter.add(ImageResult(subject, status, report))
      } catch {
        progress.rest()
        status = error.status
        reporter.add(ImageResult(subject, status))
        reporter.error(CommandError(error))
      }
      if worst == .done { worst = status }
      if status != .done, status != .failed, status != .refused { break }
    }
    return worst
  }

  private func verdict(_ report: Report, _ source: Location, _ target: Location) -> String {
    let names = "\(source.displayed) and \(target.displayed)"
    if report.isEqual {
      let digest = report.imageDigest.map { ", digest \($0.hexadecimal)" } ?? ""
      return "equal: \(names), \(ByteText.both(report.imageByteCount))\(digest)"
    }
    let place = report.firstDifference.map { ", first at byte \(ByteText.exact($0))" } ?? ""
    return "differ: \(names)\(place)"
  }
}

extension ImageResult {
  init(_ subject: TerminalProgress.Subject, _ status: ExitStatus, _ report: Report) {
    let target = report.targetName.isEmpty ? subject.target : report.targetName
    self.init(source: subject.source, target: target, status: status, report: report)
  }
}
