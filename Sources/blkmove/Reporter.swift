// SPDX-License-Identifier: Apache-2.0

import Live
import Storage
import Synchronization
import Transfer

/// Says what a command line does and how it ends, in text or in JSON, to the console and the log.
///
/// It promises that the end is said exactly once, whoever comes first: the task that is done or
/// the signal that interrupts it. Nothing is said after the end.
///
/// ## Concurrency
/// Any thread may speak. `state` is guarded by its mutex.
final class Reporter: Sendable {
  private struct State {
    var images: [ImageResult] = []
    var firstError: CommandError?
    var saidNotes: Set<String> = []
    var logFile: LogFile?
    var isOver = false
  }

  let console: Console
  let arguments: Arguments
  /// Nil when the command line made no sense.
  let operation: Subcommand?
  private let settings: Settings
  private let begin = Clock.now
  /// Of a live copy: the user has said that it is time.
  let cutoverRequest = Monitor(false)
  private let state = Mutex(State())

  init(
    _ arguments: Arguments, operation: Subcommand?, settings: Settings = Settings(),
    console: Console
  ) {
    self.arguments = arguments
    self.operation = operation
    self.settings = settings
    self.console = console
  }

  /// From now on everything is logged too.
  func log(to file: LogFile) {
    state.withLock { $0.logFile = file }
  }

  var elapsedSeconds: Double { Clock.now - begin }

  // MARK: While it runs

  /// What is about to be done, with what limits.
  func start(_ sources: [Location], _ target: Location?) {
    var lines = [Self.command(arguments, sources, target)]
    if let limit = settings.bandwidthLimit {
      lines.append("bandwidth limit: \(ClosingText.limit(limit))")
    }
    log(lines)
    emit(JSONReport.start(arguments, settings, sources, target))
    if !arguments.isJSON, !arguments.isQuiet {
      console.say(arguments.verbosity > 0 ? lines : Array(lines.dropFirst()))
    }
  }

  func announce(_ announcement: Announcement) {
    switch announcement {
    case .note(let text): note(text, host: nil)
    case .detail(let text): detail(text)
    case .remoteLine(let host, let line): note(line, host: host)
    }
  }

  /// For who asked for more with -v, and for the log.
  private func detail(_ text: String) {
    if arguments.verbosity > 0 { return note(text, host: nil) }
    if !state.withLock({ $0.isOver }) { log(["\(Program.name): note: \(text)"]) }
  }

  /// Something to know that is no error. A note of ours is said once.
  private func note(_ text: String, host: String?) {
    let isNews = state.withLock { state in
      !state.isOver && (host != nil || state.saidNotes.insert(text).inserted)
    }
    guard isNews else { return }
    let line = host.map { "\($0): \(text)" } ?? "\(Program.name): note: \(text)"
    log([line])
    emit(JSONReport.note(text, host: host))
    // What the other host says may be why the run will fail: -q does not silence it.
    if host != nil || !(arguments.isJSON || arguments.isQuiet) {
      console.warn([line])
    }
  }

  /// Only a live copy knows what to do with it.
  func requestCutover() { cutoverRequest.update { $0 = true } }

  /// What happens in a live copy.
  func tell(_ event: LiveEvent) {
    let text = LiveText(event)
    log(text.lines)
    emit(text.object)
    if !arguments.isJSON, !arguments.isQuiet { console.say(text.lines) }
  }

  func progress(_ reading: ProgressMeter.Reading, of source: String) {
    if !arguments.isQuiet { emit(JSONReport.progress(reading, source: source)) }
  }

  // MARK: How it ends

  /// One image is through, or will not be.
  func add(_ image: ImageResult) {
    for text in image.report.notes { note(text, host: nil) }
    state.withLock { $0.images.append(image) }
  }

  func error(_ error: CommandError) {
    let isNews = state.withLock { state in
      if state.isOver { return false }
      if state.firstError == nil { state.firstError = error }
      return true
    }
    guard isNews else { return }
    say(error)
  }

  /// Ends the report. False when it has ended before; then nothing was said.
  @discardableResult
  func finish(_ status: ExitStatus) -> Bool {
    guard let end = close() else { return false }
    console.clear()
    let images = end.images
    let lines = closingLines(images)
    log(lines + ["exit status \(status.rawValue): \(status.meaning)"])
    emit(
      JSONReport.result(self, status: status, error: end.firstError, images: images),
      isAfterEnd: true)
    if !arguments.isJSON, !arguments.isQuiet { console.say(lines) }
    return true
  }

  /// Ends the report with the sentence of a signal. False when it has ended before.
  func interrupt(_ unfinished: ImageResult?) -> Bool {
    guard var end = close() else { return false }
    if let unfinished { end.images.append(unfinished) }
    console.clear()
    say(.interrupted, isAfterEnd: true)
    log(["exit status \(ExitStatus.interrupted.rawValue)"])
    let error = end.firstError ?? .interrupted
    emit(
      JSONReport.result(self, status: .interrupted, error: error, images: end.images),
      isAfterEnd: true)
    return true
  }

  private func close() -> State? {
    state.withLock { state in
      if state.isOver { return nil }
      state.isOver = true
      return state
    }
  }

  private func closingLines(_ images: [ImageResult]) -> [String] {
    let done = images.filter { $0.status == .done || $0.status == .differ }
    guard operation == .copy || arguments.showsStatistics, !done.isEmpty else {
      return []
    }
    let text = ClosingText(
      isDryRun: settings.isDryRun, bandwidthLimit: settings.bandwidthLimit,
      elapsedSeconds: elapsedSeconds)
    var lines = arguments.showsStatistics ? text.table(done) + [""] : []
    if arguments.verbosity > 0 { lines += text.confirmations(done) }
    guard operation == .copy else { return lines }
    return lines + (settings.isEstimate ? EstimateText(done).lines : text.lines(done))
  }

  // MARK: Channels

  /// A line that is the answer itself: a digest, a verdict.
  func answer(_ line: String) {
    if state.withLock({ $0.isOver }) { return }
    log([line])
    if !arguments.isJSON { console.say([line]) }
  }

  /// The same for a program.
  func tell(_ value: JSONValue) { emit(value) }

  private func say(_ error: CommandError, isAfterEnd: Bool = false) {
    log([error.displayed] + (error.hint.map { ["hint: \($0)"] } ?? []))
    emit(JSONReport.error(error), isAfterEnd: isAfterEnd)
    console.warn(error.lines)
  }

  private func log(_ lines: [String]) {
    guard let file = state.withLock({ $0.logFile }), let error = file.append(lines) else { return }
    // Said once: what is no log file any more will not be tried again.
    state.withLock { $0.logFile = nil }
    let text = "log file \(file.path): write: \(SystemError(number: error).text)"
    console.warn(["\(Program.name): note: \(text)"])
    emit(JSONReport.note(text, host: nil))
  }

  /// Written while the state is held, so that nothing comes after the result.
  private func emit(_ value: JSONValue, isAfterEnd: Bool = false) {
    guard arguments.isJSON else { return }
    let line = value.encoded + "\n"
    state.withLock { state in
      if !state.isOver || isAfterEnd { console.write(line) }
    }
  }

  private static func command(
    _ arguments: Arguments, _ sources: [Location], _ target: Location?
  ) -> String {
    let names = sources.map(\.displayed).joined(separator: " ")
    let task = arguments.isDryRun ? "dry run" : arguments.subcommand.rawValue
    return "\(task): \(names)" + (target.map { " -> \($0.displayed)" } ?? "")
  }
}
