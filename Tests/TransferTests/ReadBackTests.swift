// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

@Suite struct ReadBackTests {
  @Test(arguments: [Pages([]), Pages.content(300), Pages([.hole, .content(1)], tail: [1, 2])])
  func whatWasWrittenIsRead(pages: Pages) throws {
    let scratch = Scratch()
    scratch.write(pages, to: "target.img")
    let target = try scratch.openTarget("target.img", for: UInt64(pages.byteCount))
    let counters = Counters()
    let readBack = ReadBack(target, threadCount: 2, counters: counters)
    try readBack.confirm(pages.imageDigest)
    #expect(counters.snapshot.scanned == UInt64(pages.byteCount))
    let error = #expect(throws: TransferError.self) {
      try readBack.confirm(Pages.content(301).imageDigest)
    }
    #expect(error?.sentence.contains("reads back as \(pages.imageDigest.hexadecimal)") == true)
    #expect(error?.end == .target && error?.status == .failed && error?.hint != nil)
  }

  @Test func aDiskThatLiesIsNotCalledDone() throws {
    let scratch = Scratch()
    scratch.write(Pages.content(300), to: "source.img")
    scratch.write(Pages.content(300, from: 9000), to: "target.img")
    let source = try scratch.openSource("source.img")
    // Behind the page's back, after everything was flushed.
    let path = scratch.file("target.img")
    let faults = Faults(on: .synchronizeData) { _ in
      Pages.write(.content(1), at: 77, of: path)
      return .proceed
    }
    let target = try scratch.openTarget("target.img", for: source.byteCount, faults)
    let job = Job(operation: .copy, serverRole: .target, verifiesTarget: true)
    let ending = try Conversation(job: job, source: source, target: target).run()
    let error = #expect(throws: TransferError.self) { try ending.source.get() }
    #expect(error?.sentence.contains("/target.img: reads back as ") == true)
    #expect(error?.end == .target && error?.status == .failed)
    #expect(throws: TransferError.self) { try ending.target.get() }
    #expect(!scratch.unfinishedMarks.isEmpty)
  }
}
