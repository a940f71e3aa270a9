// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The seam: the one place through which this room asks the kernel for anything that can fail in
/// an interesting way.
///
/// It promises that EINTR never comes out (one loop, in `attempt`), and that a test can force an
/// errno or a short transfer on every call. It adds no meaning: names and offsets are added by
/// those who know them.
package struct SystemCalls: Sendable {
  /// Straight to the kernel.
  package static let kernel = SystemCalls(hook: nil)

  private let hook: (any SystemCallHook)?

  package init(hook: (any SystemCallHook)?) { self.hook = hook }

  /// Makes the call until it is not interrupted by a signal.
  @discardableResult
  func attempt<Result: BinaryInteger>(
    _ call: @autoclosure () -> SystemCall, limit: Int = .max, _ body: (_ limit: Int) -> Result
  ) throws(SystemError) -> Result {
    while true {
      var allowed = limit
      if let hook {
        switch hook.verdict(on: call()) {
        case .proceed: break
        case .fail(EINTR): continue
        case .fail(let number): throw SystemError(number: number)
        case .pretend: return 0
        case .shorten(let count): allowed = Swift.min(limit, count)
        }
      }
      let result = body(allowed)
      if result >= 0 { return result }
      let number = errno
      if number != EINTR { throw SystemError(number: number) }
    }
  }
}

// MARK: - Bytes

extension SystemCalls {
  /// One pread(2): may give fewer bytes, and none at the end.
  @unsafe func read(
    _ file: Int32, _ bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(SystemError) -> Int {
    try attempt(
      SystemCall(.read, offset: offset, byteCount: bytes.count), limit: bytes.count
    ) { limit in unsafe pread(file, bytes.baseAddress, limit, off_t(offset)) }
  }

  /// One pwrite(2): may take fewer bytes.
  @unsafe func write(
    _ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
  ) throws(SystemError) -> Int {
    try attempt(
      SystemCall(.write, offset: offset, byteCount: bytes.count), limit: bytes.count
    ) { limit in unsafe pwrite(file, bytes.baseAddress, limit, off_t(offset)) }
  }

  func seekData(_ file: Int32, from offset: UInt64) throws(SystemError) -> UInt64 {
    UInt64(
      try attempt(SystemCall(.seekData, offset: offset)) { _ in
        linux_seek_data(file, Int64(offset))
      })
  }

  func seekHole(_ file: Int32, from offset: UInt64) throws(SystemError) -> UInt64 {
    UInt64(
      try attempt(SystemCall(.seekHole, offset: offset)) { _ in
        linux_seek_hole(file, Int64(offset))
      })
  }

  /// fallocate(2) in one of its three modes.
  func allocate(_ file: Int32, _ name: SystemCall.Name, _ range: Range<UInt64>)
    throws(SystemError)
  {
    let mode: Int32 =
      switch name {
      case .punchHole: linux_PUNCH_HOLE
      case .zeroRange: linux_ZERO_RANGE
      default: linux_KEEP_SIZE
      }
    let byteCount = Int64(range.upperBound - range.lowerBound)
    try attempt(SystemCall(name, offset: range.lowerBound, byteCount: Int(byteCount))) { _ in
      linux_fallocate(file, mode, Int64(range.lowerBound), byteCount)
    }
  }

  func truncate(_ file: Int32, to byteCount: UInt64) throws(SystemError) {
    try attempt(SystemCall(.truncate, offset: byteCount)) { _ in
      ftruncate(file, off_t(byteCount))
    }
  }

  /// The data and what is needed to read it again (its size too).
  func synchronizeData(_ file: Int32) throws(SystemError) {
    try attempt(SystemCall(.synchronizeData)) { _ in fdatasync(file) }
  }

  /// The data and all that is known of it; for a directory, its names.
  func synchronize(_ file: Int32) throws(SystemError) {
    try attempt(SystemCall(.synchronize)) { _ in fsync(file) }
  }

  /// Begins to write back what is dirty in the whole file.
  func startWriteback(_ file: Int32) throws(SystemError) {
    try attempt(SystemCall(.startWriteback)) { _ in linux_start_writeback(file) }
  }

  func advise(_ file: Int32, _ range: Range<UInt64>, _ advice: Int32) throws(SystemError) {
    try attempt(SystemCall(.advise, offset: range.lowerBound)) { _ in
      let number = posix_fadvise(
        file, off_t(range.lowerBound), off_t(range.upperBound - range.lowerBound), advice)
      errno = number
      return number == 0 ? 0 : -1
    }
  }
}

// MARK: - Writes on their way

extension SystemCalls {
  /// io_setup(2).
  func setUpWrites(limit: Int) throws(SystemError) -> UInt64 {
    var context: UInt64 = 0
    try attempt(SystemCall(.setUpWrites)) { _ in
      unsafe linux_writes_setup(Int32(limit), &context)
    }
    return context
  }

  /// io_submit(2) of one write.
  @unsafe func submitWrite(
    _ context: UInt64, _ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64,
    tag: Int
  ) throws(SystemError) {
    let call = SystemCall(.submitWrite, offset: offset, byteCount: bytes.count)
    let count = try attempt(call) { _ in
      unsafe linux_writes_submit(
        context, file, bytes.baseAddress, bytes.count, Int64(offset), UInt64(tag))
    }
    if count != 1 { throw SystemError(number: EAGAIN) }
  }

  /// io_getevents(2): the next write that has ended, and how many bytes it wrote; 0 when it
  /// failed. A forced verdict falls on its result.
  func awaitWrite(_ context: UInt64) throws(SystemError) -> (tag: Int, byteCount: Int) {
    var (tag, result): (UInt64, Int64) = (0, 0)
    var count: Int32 = 0
    repeat {
      count = unsafe linux_writes_await(context, &tag, &result)
    } while count < 0 && errno == EINTR
    if count != 1 { throw SystemError(number: count < 0 ? errno : EIO) }
    switch hook?.verdict(on: SystemCall(.awaitWrite, byteCount: Int(result))) {
    case .fail: return (Int(tag), 0)
    case .shorten(let most): return (Int(tag), min(Int(max(result, 0)), most))
    case .proceed, .pretend, nil: return (Int(tag), Int(max(result, 0)))
    }
  }

  /// io_destroy(2).
  func endWrites(_ context: UInt64) { _ = linux_writes_end(context) }
}

// MARK: - Names

extension SystemCalls {
  /// openat(2); `directory` may be AT_FDCWD. Always close-on-exec.
  func open(
    _ path: String, in directory: Int32, flags: Int32, mode: UInt32 = 0,
    resolve: UInt64? = nil
  ) throws(SystemError) -> Descriptor {
    let number = try attempt(SystemCall(.open)) { _ in
      if let resolve {
        unsafe linux_openat2(directory, path, flags | O_CLOEXEC, mode, resolve)
      } else {
        unsafe linux_openat(directory, path, flags | O_CLOEXEC, mode)
      }
    }
    return Descriptor(number, calls: self)
  }

  func status(_ file: Int32) throws(SystemError) -> stat {
    var result = stat()
    try attempt(SystemCall(.status)) { _ in unsafe fstat(file, &result) }
    return result
  }

  /// fstatat(2) of one name that is not followed when it is a symbolic link.
  func status(_ name: String, in directory: Int32) throws(SystemError) -> stat {
    var result = stat()
    try attempt(SystemCall(.status)) { _ in
      unsafe fstatat(directory, name, &result, AT_SYMLINK_NOFOLLOW)
    }
    return result
  }

  func changeMode(_ file: Int32, to mode: UInt32) throws(SystemError) {
    try attempt(SystemCall(.changeMode)) { _ in fchmod(file, mode) }
  }

  /// Within one directory; an existing `target` is replaced only when that is allowed.
  func rename(_ source: String, to target: String, in directory: Int32, replacing: Bool)
    throws(SystemError)
  {
    try attempt(SystemCall(.rename)) { _ in
      replacing
        ? unsafe renameat(directory, source, directory, target)
        : unsafe linux_rename_without_replacing(directory, source, target)
    }
  }

  func unlink(_ name: String, in directory: Int32) throws(SystemError) {
    try attempt(SystemCall(.unlink)) { _ in unsafe unlinkat(directory, name, 0) }
  }

  func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
    try attempt(SystemCall(.makeDirectory)) { _ in unsafe mkdir(path, mode) }
  }

  func fileFacts(_ file: Int32) throws(SystemError) -> linux_file_facts {
    var facts = linux_file_facts()
    try attempt(SystemCall(.fileFacts)) { _ in unsafe linux_file_facts(file, &facts) }
    return facts
  }

  func duplicate(_ file: Int32) throws(SystemError) -> Descriptor {
    let number = try attempt(SystemCall(.duplicate)) { _ in dup(file) }
    return Descriptor(number, calls: self)
  }

  /// close(2) is never repeated: Linux has let go of the number whatever it says.
  func close(_ file: Int32) throws(SystemError) {
    let result = Glibc.close(file)
    let number = errno
    if case .fail(let forced)? = hook?.verdict(on: SystemCall(.close)) {
      throw SystemError(number: forced)
    }
    if result != 0 && number != EINTR { throw SystemError(number: number) }
  }
}

// MARK: - Locks and devices

extension SystemCalls {
  /// flock(2) without waiting; false when someone else has it.
  func lock(_ file: Int32, _ operation: Int32) throws(SystemError) -> Bool {
    do throws(SystemError) {
      try attempt(SystemCall(.lock)) { _ in flock(file, operation | LOCK_NB) }
      return true
    } catch let error where error.number == EWOULDBLOCK {
      return false
    }
  }

  /// A shared lock on a range of bytes, of the open file description.
  func lockShared(_ file: Int32, _ range: Range<UInt64>) throws(SystemError) {
    try attempt(SystemCall(.lock, offset: range.lowerBound, byteCount: range.count)) { _ in
      linux_lock_shared(file, Int64(range.lowerBound), Int64(range.count))
    }
  }

  /// Lets go of every lock of the open file description.
  func unlock(_ file: Int32) throws(SystemError) {
    try attempt(SystemCall(.unlock)) { _ in linux_unlock(file) }
    try attempt(SystemCall(.unlock)) { _ in flock(file, LOCK_UN) }
  }

  func foreignLock(_ file: Int32) throws(SystemError) -> linux_lock_holder {
    var holder = linux_lock_holder()
    try attempt(SystemCall(.foreignLock)) { _ in unsafe linux_foreign_lock(file, &holder) }
    return holder
  }

  /// Fails with EAGAIN when somebody has the file, which was opened to read, open for writing.
  func requireNoWriter(_ file: Int32) throws(SystemError) {
    try attempt(SystemCall(.lease)) { _ in linux_require_no_writer(file) }
  }

  func deviceByteCount(_ device: Int32) throws(SystemError) -> UInt64 {
    var byteCount: UInt64 = 0
    try attempt(SystemCall(.deviceByteCount)) { _ in
      unsafe linux_device_byte_count(device, &byteCount)
    }
    return byteCount
  }

  func deviceLogicalBlock(_ device: Int32) throws(SystemError) -> Int {
    var byteCount: Int32 = 0
    try attempt(SystemCall(.deviceLogicalBlock)) { _ in
      unsafe linux_device_logical_block(device, &byteCount)
    }
    return Int(byteCount)
  }

  func deviceFlush(_ device: Int32) throws(SystemError) {
    try attempt(SystemCall(.deviceFlush)) { _ in linux_device_flush_buffers(device) }
  }

  func deviceZeroOut(_ device: Int32, _ range: Range<UInt64>) throws(SystemError) {
    let byteCount = range.upperBound - range.lowerBound
    try attempt(SystemCall(.zeroOut, offset: range.lowerBound, byteCount: Int(byteCount))) { _ in
      linux_device_zero_out(device, range.lowerBound, byteCount)
    }
  }
}
