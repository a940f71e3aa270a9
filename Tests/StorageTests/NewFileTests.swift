// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite struct NewFileTests {
  let scratch = Scratch()

  func request(_ name: String, _ byteCount: UInt64) -> TargetRequest {
    TargetRequest(path: scratch.file(name), suggestedName: "disk.img", sourceByteCount: byteCount)
  }

  func open(_ request: TargetRequest) throws -> TargetImage {
    try TargetImage.open(request, within: .anything, on: scratch.machine)
  }

  @Test func growsUnderATemporaryNameAndTakesItsOwnWhenComplete() throws {
    let content = pattern(10_000)
    let target = try open(request("a.img", 1 << 20))
    #expect(target.isNew && target.startsZero && !target.wasUnfinished)
    #expect(scratch.exists(".a.img.blkmove-part") && !scratch.exists("a.img"))
    try target.write(content, at: 5000)
    #expect(try target.bytes(5000..<15_000) == content)
    try target.complete()
    #expect(!scratch.exists(".a.img.blkmove-part"))
    let bytes = try #require(scratch.bytes(of: "a.img"))
    #expect(bytes.count == 1 << 20)
    #expect(Array(bytes[5000..<15_000]) == content)
    #expect(bytes[..<5000].allSatisfy { $0 == 0 } && bytes[15_000...].allSatisfy { $0 == 0 })
  }

  @Test func takesTheSuggestedNameInADirectory() throws {
    let target = try open(request("", 5))
    #expect(target.name == scratch.path + "/disk.img")
    try target.write(pattern(5), at: 0)
    try target.complete()
    #expect(scratch.bytes(of: "disk.img") == pattern(5))
  }

  /// A volume that was forgotten would become a file that is gone with the next start. A dry run,
  /// so that this leaves nothing there even if it fails.
  @Test func isNotMadeInTheDirectoryOfDevices() throws {
    let absent = TargetRequest(
      path: "/dev/blkmove-no-such-volume", suggestedName: "", sourceByteCount: 5, isDryRun: true)
    let error = #expect(throws: StorageError.self) { try open(absent) }
    #expect(error?.description == "/dev/blkmove-no-such-volume: there is no such device")
    #expect(error?.isRefusal == true)
  }

  @Test func goesOnWhereARunStopped() throws {
    let first = try open(request("a.img", 8192))
    try first.write(pattern(4096), at: 0)
    first.abandon()
    let second = try open(request("a.img", 8192))
    #expect(second.isNew && !second.startsZero && second.wasUnfinished)
    #expect(try second.bytes(0..<4096) == pattern(4096))
    try second.complete()
    #expect(scratch.bytes(of: "a.img")! == pattern(4096) + [UInt8](repeating: 0, count: 4096))
  }
}
