// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Storage

/// A directory of one test's own, which goes with it.
final class Scratch: Sendable {
  let path: String

  init() {
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = "\(base)/blkmove-transfer-tests/\(UUID().uuidString)"
    try! FileManager.default.createDirectory(
      atPath: path + "/state", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// This machine, with marks kept here and perhaps with forced errors.
  func machine(_ faults: (any SystemCallHook)? = nil) -> Machine {
    Machine(calls: SystemCalls(hook: faults), stateDirectory: path + "/state")
  }

  @discardableResult
  func write(_ pages: Pages, to name: String) -> String {
    pages.write(to: file(name))
    return file(name)
  }

  func bytes(of name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: file(name)).map { [UInt8]($0) }
  }

  /// Whether a file holds exactly this image.
  func holds(_ pages: Pages, in name: String) -> Bool {
    FileManager.default.contents(atPath: file(name)) == Data(pages.bytes)
  }

  /// Whether two files hold the same bytes.
  func isEqual(_ one: String, _ other: String) -> Bool {
    guard let one = FileManager.default.contents(atPath: file(one)),
      let other = FileManager.default.contents(atPath: file(other))
    else { return false }
    return one == other
  }

  func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat(file(name), &status) == 0
  }

  var unfinishedMarks: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path + "/state")) ?? []
  }

  func openSource(_ name: String, _ faults: (any SystemCallHook)? = nil) throws -> SourceImage {
    try SourceImage.open(
      file(name), within: .anything, isForced: true, on: machine(faults))
  }

  func openTarget(
    _ name: String, for source: UInt64, isDryRun: Bool = false, keepsSparse: Bool = true,
    _ faults: (any SystemCallHook)? = nil
  ) throws -> TargetImage {
    try TargetImage.open(
      TargetRequest(
        path: file(name), suggestedName: "", sourceByteCount: source, isDryRun: isDryRun,
        keepsSparse: keepsSparse),
      within: .anything, on: machine(faults))
  }
}
