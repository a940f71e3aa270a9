// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Storage

@Suite struct ImagePathTests {
  struct Cut: Sendable {
    var path: String
    var directory: String
    var name: String
  }

  @Test(arguments: [
    Cut(path: "a", directory: ".", name: "a"), Cut(path: "/a", directory: "/", name: "a"),
    Cut(path: "b/a", directory: "b", name: "a"), Cut(path: "/c/b/a", directory: "/c/b", name: "a"),
    Cut(path: "b//a", directory: "b/", name: "a"), Cut(path: "b/", directory: "b", name: ""),
    Cut(path: "./ä ö", directory: ".", name: "ä ö"),
  ])
  func isCutIntoDirectoryAndName(_ test: Cut) throws {
    let path = try ImagePath(test.path)
    #expect(path.directory == test.directory && path.name == test.name)
  }

  struct Bad: Sendable {
    var path: String
    var description: String
  }

  static let bad = [
    Bad(path: "", description: "\"\": the path is empty"),
    Bad(path: "a\0b", description: "a\0b: the path holds a NUL byte"),
    Bad(
      path: String(repeating: "x/", count: 2048),
      description: String(repeating: "x/", count: 20)
        + "...: the path is too long: 4096 bytes, 4095 are possible"),
  ]

  @Test(arguments: bad) func whatNoPathMayBeHasASentence(_ test: Bad) throws {
    let machine = Scratch().machine
    let source = #expect(throws: StorageError.self) {
      try SourceImage.open(test.path, within: .anything, isForced: false, on: machine)
    }
    #expect(source?.description == test.description)
    let request = TargetRequest(path: test.path, suggestedName: "x", sourceByteCount: 1)
    let target = #expect(throws: StorageError.self) {
      try TargetImage.open(request, within: .anything, on: machine)
    }
    #expect(target?.description == test.description)
  }

  @Test func theLongestPathIsNotTooLong() throws {
    #expect(throws: Never.self) { try ImagePath(String(repeating: "x", count: 4095)) }
  }
}
