// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Two runs to one target would each undo the other: whoever writes an image holds a lock on it
/// for as long as its descriptor is open.
enum ImageLock {
  private static let pauseMilliseconds = 50

  /// Waits a moment, and says how long.
  static func pause() -> Int {
    usleep(useconds_t(pauseMilliseconds * 1000))
    return pauseMilliseconds
  }

  /// Waits a moment for the other end of a run that was killed just now: it lets go when it
  /// notices, and the user has been told to run again. Notes when the file system has no locks:
  /// that is no reason not to copy.
  static func take(
    _ file: borrowing Descriptor, of image: String, on machine: Machine
  ) throws(StorageError) -> [String] {
    var patience = machine.patienceMilliseconds
    do throws(SystemError) {
      while !(try file.calls.lock(file.number, LOCK_EX)) {
        if patience <= 0 { throw SystemError(number: EWOULDBLOCK) }
        patience -= pause()
      }
      return []
    } catch let error where error.number == EWOULDBLOCK {
      throw refusal(file, image, machine)
    } catch let error where [EOPNOTSUPP, ENOLCK, ENOSYS].contains(error.number) {
      return ["\(image): cannot be locked where it is: let no other run write it"]
    } catch {
      throw StorageError(.system(error.number), object: image, operation: "lock")
    }
  }

  /// Holds the locks that QEMU holds on an image that it writes and shares with nobody, so that
  /// no virtual machine is started from a half-written disk. Where locks are not known this is
  /// not possible, and nothing depends on it.
  ///
  /// What stays whole until it is replaced others may read; what they would write to it would be
  /// lost.
  static func warnOthers(_ file: borrowing Descriptor, mayRead: Bool = false) {
    for range in mayRead ? qemuReaderBytes : qemuLockBytes {
      try? file.calls.lockShared(file.number, range)
    }
  }

  /// Lets go, by name: closing would not do while another thread is just starting a program,
  /// whose process has a copy of every descriptor for a moment.
  static func release(_ file: borrowing Descriptor) {
    if file.number >= 0 { try? file.calls.unlock(file.number) }
  }

  /// QEMU's file-posix.c: a byte for each permission that is used (from 100), and one for each
  /// that is not shared (from 200); read, write, write unchanged, resize.
  private static let qemuLockBytes: [Range<UInt64>] = [100..<104, 200..<204]
  /// Reads, and shares nothing but that.
  private static let qemuReaderBytes: [Range<UInt64>] = [100..<101, 201..<204]

  private static func refusal(_ file: borrowing Descriptor, _ image: String, _ machine: Machine)
    -> StorageError
  {
    var holders: [String] = []
    if let status = try? file.calls.status(file.number) {
      holders =
        process(locking: status, machine).map { [ProcessTable.describe($0, on: machine)] }
        // Some file systems (btrfs) call their device otherwise in that table.
        ?? ProcessTable.users(of: status, on: machine)
    }
    return StorageError(
      .refused(.locked), object: image,
      sentence: "is being written by "
        + (holders.isEmpty ? "another run" : holders.joined(separator: ", ")),
      hint: "wait until that one is over")
  }

  /// From `/proc/locks`: `1: FLOCK  ADVISORY  WRITE 4711 fe:00:131 0 EOF`.
  private static func process(locking file: stat, _ machine: Machine) -> Int32? {
    let device = DeviceNumber(UInt64(file.st_dev))
    func hexadecimal(_ number: UInt32) -> String {
      let digits = String(number, radix: 16)
      return digits.count < 2 ? "0" + digits : digits
    }
    let place = "\(hexadecimal(device.major)):\(hexadecimal(device.minor)):\(file.st_ino)"
    let locks = KernelFiles.text(machine.processRoot + "/locks") ?? ""
    for line in locks.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 6, fields[1] == "FLOCK", fields[5] == place,
        let process = Int32(fields[4]), process > 0, process != getpid()
      else { continue }
      return process
    }
    return nil
  }
}
