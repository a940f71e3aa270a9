// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Two runs to one target would each undo the other: whoever writes an image holds a lock on it.
enum ImageLock {
  /// Takes the lock for as long as the descriptor is open, or refuses.
  static func take(_ file: borrowing Descriptor, of image: String) throws(StorageError) {
    let isTaken: Bool
    do throws(SystemError) {
      isTaken = try file.calls.lock(file.number, LOCK_EX)
    } catch {
      throw StorageError(.system(error.number), object: image, operation: "lock")
    }
    if !isTaken {
      throw StorageError(
        .refused(.locked), object: image,
        sentence: "is being written by another run", hint: "wait until that one is over")
    }
  }
}
