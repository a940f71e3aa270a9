// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A terminal that nobody sits at. Its functions are asked for by name, because Glibc's module
/// hides them.
enum Terminal {
  private typealias Open = @convention(c) (Int32) -> Int32
  private typealias Name = @convention(c) (Int32) -> UnsafeMutablePointer<CChar>?

  /// Both ends: what is written to the slave is read, as a terminal would show it, at the master.
  static func open() throws -> (master: FileHandle, slave: FileHandle) {
    let master = try function("posix_openpt", as: Open.self)(O_RDWR | O_NOCTTY)
    for name in ["grantpt", "unlockpt"] {
      try #require(try function(name, as: Open.self)(master) == 0)
    }
    let path = try #require(try function("ptsname", as: Name.self)(master))
    let slave = Foundation.open(path, O_RDWR | O_NOCTTY)
    try #require(master >= 0 && slave >= 0)
    return (
      FileHandle(fileDescriptor: master, closeOnDealloc: true),
      FileHandle(fileDescriptor: slave, closeOnDealloc: true)
    )
  }

  private static func function<Signature>(_ name: String, as: Signature.Type) throws -> Signature {
    unsafeBitCast(try #require(dlsym(nil, name)), to: Signature.self)
  }
}
