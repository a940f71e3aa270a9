// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The word, kept outside of an image, that a copy onto it was begun and not finished.
///
/// It is on stable storage before the first byte of the image is overwritten, and goes after the
/// last one is. One small file for each image, named by its key: a renamed image is still
/// unfinished.
struct UnfinishedMark: Sendable {
  let directory: String
  let fileName: String
  let calls: SystemCalls

  /// Nil where this account has no place for marks.
  init?(_ key: ImageKey, on machine: Machine) {
    guard let directory = machine.stateDirectory else { return nil }
    self.directory = directory
    self.fileName = "unfinished-" + key.fileName
    self.calls = machine.calls
  }

  /// Whether the image is unfinished. What cannot be looked at is taken as absent.
  var exists: Bool {
    guard let place = try? openPlace() else { return false }
    return (try? calls.status(fileName, in: place.number)) != nil
  }

  /// Makes the mark and waits until it is on stable storage. `text` is for people.
  func put(_ text: String) throws(SystemError) {
    try makePlace()
    let place = try openPlace()
    let file = try calls.open(
      fileName, in: place.number, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    var line = text + "\n"
    let failure = line.withUTF8 { bytes in
      unsafe file.writeAll(UnsafeRawBufferPointer(bytes), at: 0).failure
    }
    if let failure { throw failure }
    try calls.synchronize(file.number)
    try file.close()
    try calls.synchronize(place.number)
  }

  /// Takes the mark away, for good.
  func remove() throws(SystemError) {
    let place = try openPlace()
    do throws(SystemError) {
      try calls.unlink(fileName, in: place.number)
    } catch let error where error.number == ENOENT {
      return
    }
    try calls.synchronize(place.number)
  }

  private func openPlace() throws(SystemError) -> Descriptor {
    try calls.open(directory, in: AT_FDCWD, flags: O_RDONLY | O_DIRECTORY)
  }

  private func makePlace() throws(SystemError) {
    try StateDirectory.make(directory, calls)
  }
}
