// SPDX-License-Identifier: Apache-2.0

import Live
import Transfer

extension TaskRunner {
  /// All images of a live copy at once: they are done together or not at all.
  func live(_ request: LiveRequest) -> ExitStatus {
    let source = request.source ?? request.method.displayed
    reporter.start([.local(path: source)], request.target)
    let subject = TerminalProgress.Subject(
      source: source, target: request.target.displayed, counters: Counters(), position: nil)
    progress.follow(subject)
    do throws(TransferError) {
      let report = try engine.live(
        request, settings, subject.counters, reporter.cutoverRequest, reporter.announce
      ) { [reporter] in reporter.tell($0) }
      progress.rest()
      reporter.add(report)
      return .done
    } catch {
      progress.rest()
      reporter.add(ImageResult(subject, error.status))
      reporter.error(CommandError(error))
      return error.status
    }
  }
}

extension Reporter {
  /// What a live copy came to: its images like those of any copy, and the story of its pause.
  func add(_ report: LiveReport) {
    for disk in report.disks {
      add(
        ImageResult(
          source: disk.name, target: disk.report.targetName, status: .done, report: disk.report))
    }
    tell(report)
  }

  private func tell(_ report: LiveReport) {
    let text = LiveReportText(report)
    for line in text.lines { answer(line) }
    tell(text.object)
  }
}
