// SPDX-License-Identifier: Apache-2.0

import CNbd
import Glibc

/// Why a command was not carried out: the server said no to this one, or the connection is lost
/// and with it everything.
struct NbdFailure: Error, Equatable, Sendable {
  var number: Int32
  /// In libnbd's or our words; empty where the number says it all.
  var text = ""
  var isLoss = false

  /// What a server may put into a sentence that ends on somebody's terminal.
  private static let maximumCharacterCount = 200

  /// The end of the connection.
  static func loss(_ number: Int32, _ text: String) -> NbdFailure {
    NbdFailure(number: number, text: text, isLoss: true)
  }

  /// Of this thread's last call of the library.
  static var last: NbdFailure {
    let words = unsafe cnbd_get_error().map { unsafe String(cString: $0) } ?? ""
    return NbdFailure(number: cnbd_get_errno(), text: plain(words))
  }

  /// Without the name of the function that failed, and without what a terminal would obey.
  static func plain(_ words: String) -> String {
    var rest = Substring(words)
    while let colon = rest.firstRange(of: ": "), !rest[..<colon.lowerBound].contains(" "),
      rest.hasPrefix("nbd_") || rest.hasPrefix("connect: ")
    {
      rest = rest[colon.upperBound...]
    }
    let scalars = rest.unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
        ? "?" : Character(scalar)
    }
    return String(scalars.prefix(maximumCharacterCount))
  }
}

extension StorageError {
  /// `operation` on an export failed. With an amount it was one of its bytes.
  static func nbd(
    _ name: String, _ operation: String, _ failure: NbdFailure, at offset: UInt64? = nil,
    byteCount: Int? = nil
  ) -> StorageError {
    var sentence = failure.text
    if failure.isLoss { sentence = "the connection to its server was lost: \(failure.text)" }
    return StorageError(
      .system(failure.number), object: name, operation: operation, offset: offset,
      byteCount: byteCount, sentence: sentence, hint: failure.isLoss ? nil : hint(failure.number))
  }

  private static func hint(_ number: Int32) -> String? {
    switch number {
    case EIO: "its server could not do it; the server's own log may say why"
    case ENOSPC: "the disk of its server is full"
    case EPERM, EROFS: "its server does not let it be written"
    default: nil
    }
  }
}
