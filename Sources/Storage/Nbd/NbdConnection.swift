// SPDX-License-Identifier: Apache-2.0

import CLinux
import CNbd
import Glibc

/// One connection to an export. Many commands may be on their way at once; each blocks its caller
/// until it is answered, and no longer than it is given time for: a server that does not answer is
/// lost like one that is gone, because whoever gives up must be sure that nobody writes to his
/// memory any more.
///
/// ## Concurrency
/// `handle`, `failure`, `isLed` and `progressTime` are touched under `lock` only, and so are all
/// commands. There is no thread: of those who wait for an answer one leads, which is to sleep on
/// the socket for all of them with the lock released; `wake` rouses it when somebody has given a
/// further command or has ended the connection. The others sleep on `change`.
@safe
final class NbdConnection: @unchecked Sendable {
  private let name: String
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let change: UnsafeMutablePointer<pthread_cond_t>
  private let wake: Int32
  private let takesLeave: Bool
  /// Nil after the end.
  private var handle: OpaquePointer?
  private var failure = NbdFailure.loss(ENOTCONN, "it was closed")
  private var isLed = false
  /// When the server last gave or took something.
  private var progressTime = 0.0

  /// A line may be slow, so that the time begins anew with whatever moves on it; but nobody
  /// waits longer for one answer than so many times what he gives.
  private static let patience = 20.0

  /// Makes a connected socket, whose owner is whoever gets it.
  typealias Connector = () throws(StorageError) -> Int32

  /// What somebody has to say to the library for a command.
  typealias Order = (OpaquePointer, NbdCommand) -> Int64

  private init(
    name: String, handle: OpaquePointer, takesLeave: Bool
  ) throws(StorageError) {
    self.name = name
    self.takesLeave = takesLeave
    unsafe self.handle = handle
    unsafe lock = .allocate(capacity: 1)
    unsafe change = .allocate(capacity: 1)
    unsafe lock.initialize(to: pthread_mutex_t())
    unsafe change.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(lock, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(change, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
    wake = linux_wake_descriptor()
    if wake < 0 { throw StorageError(.system(errno), object: name, operation: "connect") }
  }

  deinit {
    if let handle = unsafe handle { unsafe cnbd_close(handle) }
    if wake >= 0 { _ = Glibc.close(wake) }
    unsafe pthread_cond_destroy(change)
    unsafe pthread_mutex_destroy(lock)
    unsafe change.deallocate()
    unsafe lock.deallocate()
  }

  /// Connects and agrees with the server, in at most `seconds`. Of `contexts` those that the server
  /// does not know are left out.
  /// - Parameter connector: gives a socket that leads there. Leave is not taken over such a one.
  static func open(
    _ address: NbdAddress, contexts: [String], seconds: Double, connector: Connector? = nil
  ) throws(StorageError) -> NbdConnection {
    if let problem = unsafe cnbd_load() {
      throw StorageError(
        .unsuitable, object: address.text,
        sentence: "exports need libnbd, which is not here: \(unsafe String(cString: problem))",
        hint: "install it: apt-get install libnbd0, or dnf install libnbd")
    }
    guard let handle = unsafe cnbd_create() else {
      throw .nbd(address.text, "connect", .last)
    }
    let connection = try unsafe NbdConnection(
      name: address.text, handle: handle, takesLeave: connector == nil)
    let socket: Int32? = if let connector { try connector() } else { nil }
    do throws(NbdFailure) {
      try unsafe connection.connect(handle, to: address, contexts, socket, seconds)
    } catch {
      throw connecting(address, error)
    }
    return connection
  }

  private static func connecting(
    _ address: NbdAddress, _ failure: NbdFailure
  ) -> StorageError {
    let hint: String? =
      switch failure.number {
      case ENOENT where failure.text.contains("export"): "nbdinfo --list tells what it serves"
      case ECONNREFUSED, ENOENT: "is its server running? (qemu-nbd, nbdkit, qemu)"
      case ETIMEDOUT: "it may have all the clients that it takes"
      case EACCES: "check the permissions of the socket"
      default: nil
      }
    return StorageError(
      .system(failure.number), object: address.text, operation: "connect",
      sentence: failure.text, hint: hint)
  }

  /// Before anybody else knows of the connection.
  @unsafe private func connect(
    _ handle: OpaquePointer, to address: NbdAddress, _ contexts: [String], _ socket: Int32?,
    _ seconds: Double
  ) throws(NbdFailure) {
    for context in contexts where unsafe cnbd_add_meta_context(handle, context) == -1 {
      throw .last
    }
    if let socket {
      if unsafe cnbd_set_export_name(handle, address.exportName) == -1
        || cnbd_connect_socket(handle, socket) == -1
      {
        throw .last
      }
    } else {
      // A file of keys, in an address with TLS: its owner has named it.
      unsafe cnbd_set_uri_allow_local_file(handle, true)
      if unsafe cnbd_connect_uri(handle, address.text) == -1 { throw .last }
    }
    let deadline = Self.now + seconds
    while unsafe !cnbd_is_connected(handle) {
      if unsafe cnbd_is_over(handle) {
        throw .loss(ECONNRESET, "its server ended the conversation")
      }
      if Self.now >= deadline {
        throw .loss(ETIMEDOUT, "its server has not answered in \(Self.text(seconds))")
      }
      try unsafe turn(handle, until: deadline) { unsafe sleep(&$0) }
    }
  }

  // MARK: What the server said of the export

  /// Asks the library for something that it knows without asking the server.
  func ask<Result>(_ body: (OpaquePointer) -> Result) throws(StorageError) -> Result {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    guard let handle = unsafe handle else { throw .nbd(name, "ask", failure) }
    return unsafe body(handle)
  }

  var isLost: Bool {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    return unsafe handle == nil
  }

  // MARK: Commands

  /// Gives a command and waits for its answer.
  func perform(
    _ command: NbdCommand, seconds: Double, _ order: Order
  ) throws(NbdFailure) {
    unsafe pthread_mutex_lock(lock)
    defer {
      unsafe pthread_cond_broadcast(change)
      unsafe pthread_mutex_unlock(lock)
    }
    guard let handle = unsafe handle else { throw failure }
    if unsafe order(handle, command) == -1 {
      let refused = NbdFailure.last
      if unsafe cnbd_is_over(handle) { unsafe end(because: refused.lost) }
      throw unsafe self.handle == nil ? failure : refused
    }
    if isLed { rouse() }
    let start = Self.now
    while !command.isDone, let handle = unsafe self.handle {
      let last = min(max(start, progressTime), start + seconds * Self.patience)
      let deadline = last + seconds
      if Self.now >= deadline {
        unsafe end(
          because: .loss(ETIMEDOUT, "it has not answered in \(Self.text(seconds))"))
      } else if isLed {
        unsafe waitForChange(until: deadline)
      } else {
        unsafe lead(handle, until: deadline)
      }
    }
    if command.isDone && command.error == 0 { return }
    // The end may have come while the command was given.
    if let handle = unsafe self.handle, unsafe cnbd_is_over(handle) {
      unsafe end(because: .loss(command.error, "the server ended it"))
    }
    if unsafe self.handle == nil { throw failure }
    throw NbdFailure(number: command.error)
  }

  /// Sleeps on the socket for all, once, and has the library do what can then be done.
  @unsafe private func lead(_ handle: OpaquePointer, until deadline: Double) {
    isLed = true
    do throws(NbdFailure) {
      try unsafe turn(handle, until: deadline) { polled in
        unsafe pthread_mutex_unlock(lock)
        unsafe sleep(&polled)
        unsafe pthread_mutex_lock(lock)
      }
      if unsafe self.handle == handle, unsafe cnbd_is_over(handle) {
        unsafe end(because: .loss(ECONNRESET, "the server ended it"))
      }
    } catch {
      unsafe end(because: error.lost)
    }
    isLed = false
    unsafe pthread_cond_broadcast(change)
  }

  /// What is slept on, and for how long.
  private struct Sleep {
    var descriptors: [pollfd]
    var milliseconds: Int32
  }

  /// One turn of the wheel: wait until the socket is ready, and let the library read or write.
  @unsafe private func turn(
    _ handle: OpaquePointer, until deadline: Double, _ sleep: (inout Sleep) -> Void
  ) throws(NbdFailure) {
    let wanted = unsafe cnbd_get_direction(handle)
    var events: Int16 = 0
    if wanted & UInt32(cnbd_READ) != 0 { events |= Int16(POLLIN) }
    if wanted & UInt32(cnbd_WRITE) != 0 { events |= Int16(POLLOUT) }
    let rest = (deadline - Self.now) * 1000
    var polled = Sleep(
      descriptors: [
        pollfd(fd: unsafe cnbd_get_fd(handle), events: events, revents: 0),
        pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
      ],
      milliseconds: Int32(max(1, min(rest.rounded(.up), 60_000))))
    sleep(&polled)
    // Somebody may have ended it meanwhile.
    guard unsafe self.handle == handle else { return }
    let got = Int32(polled.descriptors[0].revents)
    if got == 0 { return }
    // And somebody else's command may have changed what it waits for.
    let direction = unsafe cnbd_get_direction(handle)
    let canRead = got & (POLLIN | POLLHUP | POLLERR) != 0
    let result =
      if canRead, direction & UInt32(cnbd_READ) != 0 {
        unsafe cnbd_notify_read(handle)
      } else if got & (POLLOUT | POLLHUP | POLLERR) != 0,
        direction & UInt32(cnbd_WRITE) != 0
      {
        unsafe cnbd_notify_write(handle)
      } else {
        Int32(0)
      }
    if result == -1 { throw .last }
    // Nobody would take notice of it, and the next sleep would end at once like this one.
    if direction == 0 || got & POLLNVAL != 0 { throw .loss(ENOTCONN, "its socket is gone") }
    progressTime = Self.now
  }

  @unsafe private func sleep(_ polled: inout Sleep) {
    let count = nfds_t(polled.descriptors.count)
    let milliseconds = polled.milliseconds
    _ = unsafe polled.descriptors.withUnsafeMutableBufferPointer {
      unsafe poll($0.baseAddress, count, milliseconds)
    }
    var number: UInt64 = 0
    unsafe Glibc.read(wake, &number, 8)
  }

  private func rouse() {
    var one: UInt64 = 1
    unsafe Glibc.write(wake, &one, 8)
  }

  @unsafe private func waitForChange(until deadline: Double) {
    var moment = timespec(
      tv_sec: Int(deadline), tv_nsec: Int((deadline - deadline.rounded(.down)) * 1e9))
    unsafe pthread_cond_timedwait(change, lock, &moment)
  }

  /// After this the library touches no memory of ours.
  @unsafe private func end(because failure: NbdFailure) {
    guard let handle = unsafe handle else { return }
    self.failure = failure
    unsafe self.handle = nil
    unsafe cnbd_close(handle)
    rouse()
    unsafe pthread_cond_broadcast(change)
  }

  /// Takes leave of the server, so that it does not take this for an accident. Nobody may be
  /// waiting for an answer.
  func close(seconds: Double = 1) {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    guard let handle = unsafe handle else { return }
    if unsafe takesLeave && cnbd_disconnect(handle) == 0 {
      let deadline = Self.now + seconds
      while unsafe !cnbd_is_over(handle), Self.now < deadline,
        (try? unsafe turn(handle, until: deadline) { unsafe sleep(&$0) }) != nil
      {}
    }
    unsafe end(because: .loss(ENOTCONN, "it was closed"))
  }

  private static var now: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func text(_ seconds: Double) -> String {
    seconds < 1 ? "\(Int(seconds * 1000)) ms" : "\(Int(seconds)) s"
  }
}

extension NbdFailure {
  /// The same as the end of the connection.
  var lost: NbdFailure { .loss(number, text.isEmpty ? SystemError(number: number).text : text) }
}
