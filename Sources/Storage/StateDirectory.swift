// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where this program keeps what it knows of images between two runs.
enum StateDirectory {
  /// Makes the directory and what is missing above it.
  static func make(_ directory: String, _ calls: SystemCalls) throws(SystemError) {
    var path = directory.hasPrefix("/") ? "" : "."
    for component in directory.split(separator: "/") {
      path += "/" + component
      do throws(SystemError) {
        try calls.makeDirectory(path, mode: 0o700)
      } catch let error where [EEXIST, EACCES, EROFS].contains(error.number) {
        // There already, or above what this account may change: opening it will tell.
        continue
      }
    }
  }
}
