// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Two runs to one target would each undo the other: whoever writes an image holds a lock on it
/// for as long as its descriptor is open.
enum ImageLock {
  /// udev locks a device for the moment in which it looks at it, which is also the moment after
  /// anybody closed it; so long a device is waited for.
  static let devicePatienceMilliseconds = 2000
  private static let pauseMilliseconds = 50

  static func take(
    _ file: borrowing Descriptor, of image: String, kind: ImageKind, on machine: Machine
  ) throws(StorageError) {
    var patience = kind == .device ? devicePatienceMilliseconds : 0
    while !(try isTaken(file, of: image)) {
      if patience <= 0 { throw refusal(file, image, machine) }
      usleep(useconds_t(pauseMilliseconds * 1000))
      patience -= pauseMilliseconds
    }
  }

  /// Holds the locks that QEMU holds on an image that it writes and shares with nobody, so that
  /// no virtual machine is started from a half-written disk. Where locks are not known this is
  /// not possible, and nothing depends on it.
  static func warnOthers(_ file: borrowing Descriptor) {
    for range in qemuLockBytes {
      try? file.calls.lockShared(file.number, range)
    }
  }

  /// QEMU's file-posix.c: a byte for each permission that is used (from 100), and one for each
  /// that is not shared (from 200); read, write, write unchanged, resize.
  private static let qemuLockBytes: [Range<UInt64>] = [100..<104, 200..<204]

  private static func isTaken(_ file: borrowing Descriptor, of image: String)
    throws(StorageError) -> Bool
  {
    do throws(SystemError) {
      return try file.calls.lock(file.number, LOCK_EX)
    } catch where error.number == EOPNOTSUPP || error.number == ENOLCK || error.number == ENOSYS {
      throw StorageError(
        .system(error.number), object: image, operation: "lock",
        hint: "its file system cannot lock files, so that two runs could meet there")
    } catch {
      throw StorageError(.system(error.number), object: image, operation: "lock")
    }
  }

  private static func refusal(_ file: borrowing Descriptor, _ image: String, _ machine: Machine)
    -> StorageError
  {
    let holder = (try? file.calls.status(file.number)).flatMap { process(locking: $0, machine) }
    return StorageError(
      .refused(.locked), object: image,
      sentence: "is being written by "
        + (holder.map { ProcessTable.describe($0, on: machine) } ?? "another run"),
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
