// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Starts the command, passes bytes both ways until it is over, and ends as it ended.
///
/// ## Concurrency
/// One thread a direction; they share the record and the number of the child, which is set
/// before they start.
final class Relay: @unchecked Sendable {
  private let options: Options
  private let record: Record
  private var child: pid_t = 0
  private var toCommand: [Int32] = [0, 0]
  private var fromCommand: [Int32] = [0, 0]

  init(options: Options, record: Record) {
    self.options = options
    self.record = record
  }

  func run() -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    start()
    let sending = thread { [self] in
      pass(from: 0, to: sink(toCommand[1]), field: .sent)
      close(0)
      close(toCommand[1])
    }
    let receiving = thread { [self] in
      pass(from: fromCommand[0], to: sink(1), field: .received)
      // When nobody reads any more, the command must not wait for ever to be read.
      close(fromCommand[0])
      close(1)
    }
    pthread_join(receiving, nil)
    _ = sending
    var status: Int32 = 0
    var usage = rusage()
    while wait4(child, &status, 0, &usage) < 0 && errno == EINTR {}
    record.raise(.peakKibibytes, to: UInt64(usage.ru_maxrss))
    let times = [usage.ru_utime, usage.ru_stime].map { $0.tv_sec * 1_000_000 + $0.tv_usec }
    record.add(times[0] + times[1], to: .cpuMicroseconds)
    let isSignalled = status & 0x7f != 0
    let code = isSignalled ? 128 + (status & 0x7f) : (status >> 8) & 0xff
    record.set(.status, to: UInt64(code))
    return code
  }

  private func start() {
    guard pipe(&toCommand) == 0, pipe(&fromCommand) == 0 else { Options.stop("no pipe") }
    for end in toCommand + fromCommand { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, toCommand[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromCommand[1], 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var words = options.command.map { strdup($0) } + [nil]
    let failure = posix_spawnp(&child, words[0]!, &actions, &attributes, &words, environ)
    guard failure == 0 else {
      Options.stop("\(options.command[0]): \(String(cString: strerror(failure)))", status: 127)
    }
    close(toCommand[0])
    close(fromCommand[1])
  }

  /// Where a direction's bytes go: at once, or by a line of some length.
  private func sink(_ output: Int32) -> Sink {
    guard options.delayMilliseconds > 0 else { return Sink(output: output) }
    let line = DelayLine(delayMilliseconds: options.delayMilliseconds)
    let sink = Sink(output: output, line: line)
    sink.arriving = thread {
      while let bytes = line.take() {
        guard bytes.withUnsafeBytes({ Sink.write($0, to: output) }) else { break }
      }
    }
    return sink
  }

  private func pass(from input: Int32, to output: Sink, field: Record.Field) {
    defer { output.finish() }
    let capacity = 256 << 10
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 4096)
    while true {
      let count = read(input, bytes, capacity)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      let position = record.passed.wrappingAdd(UInt64(count), ordering: .relaxed).oldValue
      if case .stall = options.event, position > options.position { stall() }
      var allowed = count
      let isReached = options.position >= position && options.position - position < UInt64(count)
      if isReached {
        let offset = Int(options.position - position)
        if case .flip = options.event {
          bytes.storeBytes(
            of: bytes.load(fromByteOffset: offset, as: UInt8.self) ^ 0x10,
            toByteOffset: offset, as: UInt8.self)
        } else {
          allowed = offset
        }
      }
      guard output.write(UnsafeRawBufferPointer(start: bytes, count: allowed)) else { return }
      record.add(allowed, to: field)
      if isReached { happen() }
      let rest = UnsafeRawBufferPointer(start: bytes + allowed, count: count - allowed)
      guard output.write(rest) else { return }
      record.add(count - allowed, to: field)
    }
  }

  private func happen() {
    switch options.event {
    case .nothing, .flip: return
    case .cut:
      kill(child, SIGKILL)
      _exit(255)
    case .stall:
      stall()
    case .killParent:
      kill(getppid(), SIGKILL)
    case .kill(let pidFile):
      var text = [UInt8](repeating: 0, count: 32)
      let file = open(pidFile, O_RDONLY)
      let count = max(0, read(file, &text, 31))
      close(file)
      let digits = text.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }
      guard let number = pid_t(String(decoding: digits, as: UTF8.self)), number > 1 else { return }
      kill(number, SIGKILL)
    }
  }

  /// A line that is dead and not closed. It ends with whoever started the meter.
  private func stall() -> Never {
    while getppid() != 1 { usleep(100_000) }
    kill(child, SIGKILL)
    _exit(255)
  }

  private func thread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    var identifier = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    pthread_create(
      &identifier, nil,
      { @Sendable argument in
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    return identifier
  }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
