// SPDX-License-Identifier: Apache-2.0

import Glibc
import Storage
import Transfer
import Wire

/// The file of `--log-file`: appended to, each line with its time and our process number.
///
/// A log that cannot be written is worth a note, and no reason to give up a copy.
struct LogFile: Sendable {
  let path: String
  private let file: TextOutput
  private let process = getpid()

  static func open(_ path: String) throws(CommandError) -> LogFile {
    let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw CommandError(
        "log file \(path): open: \(SystemError(number: errno).text)", status: .failed)
    }
    return LogFile(path: path, file: TextOutput(descriptor: descriptor))
  }

  private init(path: String, file: TextOutput) {
    self.path = path
    self.file = file
  }

  /// One write a line, so that the lines of two runs do not mix. The result is nil, or the error
  /// number that stopped it.
  func append(_ lines: [String]) -> Int32? {
    let moment = Self.timestamp(time(nil))
    for line in lines where !line.isEmpty {
      if let error = file.write("\(moment) [\(process)] \(line.displayable)\n") { return error }
    }
    return nil
  }

  /// `2026-01-31T23:59:59+0100`, in the local time zone.
  static func timestamp(_ moment: time_t) -> String {
    var moment = moment
    var parts = unsafe tm()
    unsafe localtime_r(&moment, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let count = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
    return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
