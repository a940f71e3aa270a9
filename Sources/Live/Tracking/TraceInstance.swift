// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Qemu
import Storage
import Transfer

/// An instance of the kernel's tracing of our own: nobody else's tracing is touched, and nobody
/// else fills our ring.
///
/// It is a directory of tracefs. Its name says whose it is, so that the next run removes what a
/// dead one left; the kernel does not remove one that is in use.
struct TraceInstance {
  let path: String
  let format: TraceFormat
  private let files: [Int32]
  /// The directories of the processors.
  private let processors: [String]

  private static let usualPlaces = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
  private static let event = "events/block/block_rq_complete"

  struct Failure: Error { var sentence: String }

  // MARK: The place

  /// Where tracefs is; it is mounted at its own place when it is nowhere.
  static func tracingDirectory() throws(Failure) -> String {
    for place in usualPlaces where KernelFiles.exists("\(place)/instances") { return place }
    for line in (KernelFiles.text("/proc/self/mountinfo") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let dash = words.firstIndex(of: "-"), dash + 1 < words.count, words.count > 4,
        words[dash + 1] == "tracefs"
      else { continue }
      if KernelFiles.exists("\(words[4])/instances") { return String(words[4]) }
    }
    guard unsafe linux_mount_kernel_files("tracefs", usualPlaces[0]) == 0 else {
      throw Failure("tracefs cannot be mounted at \(usualPlaces[0])", errno)
    }
    return usualPlaces[0]
  }

  /// Removes what dead runs have left.
  static func removeLeftovers(in tracing: String) {
    for name in KernelFiles.names(in: "\(tracing)/instances") {
      guard let token = RunToken(in: name), !token.isAlive else { continue }
      unsafe rmdir("\(tracing)/instances/\(name)")
    }
  }

  // MARK: Its life

  /// - Parameters:
  ///   - path: in the directory of instances; it must not exist.
  ///   - ringKibibytes: for each processor; it gets less when there is not as much memory.
  init(at path: String, devices: Set<UInt32>, ringKibibytes: Int) throws(Failure) {
    self.path = path
    guard unsafe mkdir(path, 0o700) == 0 else { throw Failure(path, errno) }
    do throws(Failure) {
      (format, processors, files) = try Self.prepare(
        path, devices: devices, ringKibibytes: ringKibibytes)
    } catch {
      unsafe rmdir(path)
      throw error
    }
  }

  private static func prepare(
    _ path: String, devices: Set<UInt32>, ringKibibytes: Int
  ) throws(Failure) -> (TraceFormat, [String], [Int32]) {
    guard let event = KernelFiles.text("\(path)/\(event)/format"),
      let page = KernelFiles.text("\(path)/events/header_page")
        ?? KernelFiles.text("\(path)/../../events/header_page"),
      let format = TraceFormat(event: event, page: page)
    else { throw Failure(sentence: "the kernel does not say how it traces completed requests") }
    try write("0", to: "\(path)/tracing_on")
    var size = ringKibibytes
    while true {
      do throws(Failure) {
        try write("\(size)", to: "\(path)/buffer_size_kb")
        break
      } catch {
        if size <= minimumRingKibibytes { throw error }
        size /= 2
      }
    }
    // What does not fit is counted, and what is in the ring stays whole.
    try write("0", to: "\(path)/options/overwrite")
    let places = devices.sorted().map { "dev == \($0)" }.joined(separator: " || ")
    do throws(Failure) {
      // Reads, also our own, need not pass through the ring.
      try write("(\(places)) && !(rwbs ~ \"R*\")", to: "\(path)/\(Self.event)/filter")
    } catch {
      try write(places, to: "\(path)/\(Self.event)/filter")
    }
    let processors = KernelFiles.names(in: "\(path)/per_cpu").map { "\(path)/per_cpu/\($0)" }
    var files: [Int32] = []
    for processor in processors {
      let file = unsafe linux_openat(
        AT_FDCWD, "\(processor)/trace_pipe_raw", O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0)
      if file < 0 {
        let failure = Failure("\(processor)/trace_pipe_raw", errno)
        for file in files { close(file) }
        throw failure
      }
      files.append(file)
    }
    do throws(Failure) {
      try write("1", to: "\(path)/\(Self.event)/enable")
      try write("1", to: "\(path)/tracing_on")
    } catch {
      for file in files { close(file) }
      throw error
    }
    return (format, processors, files)
  }

  private static let minimumRingKibibytes = 4

  private static func write(_ text: String, to path: String) throws(Failure) {
    let file = unsafe linux_openat(AT_FDCWD, path, O_WRONLY | O_TRUNC | O_CLOEXEC, 0)
    guard file >= 0 else { throw Failure(path, errno) }
    defer { close(file) }
    let bytes = Array(text.utf8)
    let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
    guard count == bytes.count else { throw Failure("\(path): '\(text)'", errno) }
  }

  func remove() {
    for file in files { close(file) }
    unsafe rmdir(path)
  }

  // MARK: Reading

  /// Everything that is in the ring now.
  func drain(into page: inout [UInt8], _ body: (TracePage.Write) -> Void) -> TracePage.Verdict {
    var verdict = TracePage.Verdict.whole
    for file in files {
      // A bound, so that somebody who writes faster than we read cannot hold us here.
      for _ in 0..<Self.maximumPageCount {
        let count = unsafe page.withUnsafeMutableBytes {
          unsafe read(file, $0.baseAddress, $0.count)
        }
        if count < 0 && errno == EINTR { continue }
        if count < 0 && errno != EAGAIN { verdict = .malformed }
        if count <= 0 { break }
        let part = TracePage(page[..<count], format).read(body)
        if part != .whole { verdict = part }
      }
    }
    return verdict
  }

  private static let maximumPageCount = 1 << 16

  /// What the kernel counts of the events that found no room; nil when it does not tell.
  var lostEventCount: UInt64? {
    var sum: UInt64 = 0
    for processor in processors {
      guard let text = KernelFiles.text("\(processor)/stats") else { return nil }
      for name in ["overrun: ", "commit overrun: ", "dropped events: "] {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
          let count = UInt64(line.dropFirst(name.count))
        else { return nil }
        sum &+= count
      }
    }
    return sum
  }

  /// Whether somebody has switched it off, or the kernel has.
  var isOn: Bool {
    KernelFiles.line("\(path)/tracing_on") == "1"
      && KernelFiles.line("\(path)/\(Self.event)/enable")?.first == "1"
  }
}

extension TraceInstance.Failure {
  init(_ what: String, _ error: Int32) {
    sentence = unsafe "\(what): \(String(cString: strerror(error)))"
  }
}
