// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing
import Wire

@testable import Transfer

@Suite struct SourceEndTests {
  static let image = Pages.content(10)

  /// A source end against a peer that says this of its target; how it ends.
  private static func run(
    _ job: Job, path: String, _ script: (Peer) throws -> Void
  ) throws -> (Result<SourceEnd.Outcome, TransferError>, Failure?) {
    let line = Line()
    let running = Watchdog.Running("the source end") {
      () -> Result<SourceEnd.Outcome, TransferError> in
      let connection = Connection(line.near, timeoutSeconds: 10)
      let end = SourceEnd(
        path: path, policy: .anything, job: job, connection: connection, counters: Counters(),
        giveUp: {})
      defer { connection.stop() }
      do throws(TransferError) {
        return .success(
          try end.run(try SourceEnd.open(path, within: .anything, job: job, connection)))
      } catch {
        connection.tell(error)
        return .failure(error)
      }
    }
    let peer = Peer(line.far)
    let failure = try peer.play(script)
    peer.hangUp()
    return (try running.value(), failure)
  }

  private static func description(_ byteCount: UInt64) -> Message {
    .target(
      TargetDescription(
        byteCount: byteCount, startsZero: true, isNew: true, wasUnfinished: false, name: "t",
        notes: []))
  }

  struct Size: CustomTestStringConvertible, Sendable {
    var policy: Job.SizePolicy
    var byteCount: UInt64
    var sentence: String?
    var testDescription: String { "\(policy), \(byteCount)" }
  }

  @Test(arguments: [
    Size(policy: .resize, byteCount: 40_960),
    Size(policy: .resize, byteCount: 40_961, sentence: "another size than the source's"),
    Size(policy: .resize, byteCount: 40_959, sentence: "another size than the source's"),
    Size(policy: .resize, byteCount: 0, sentence: "another size than the source's"),
    Size(policy: .strict, byteCount: 4096, sentence: "another size than the source's"),
    Size(policy: .min, byteCount: 4096),
    Size(policy: .min, byteCount: 40_961, sentence: "another size than the source's"),
  ])
  func onlyTheAgreedSizeIsCopied(test: Size) throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "source.img")
    let job = Job(operation: .copy, serverRole: .target, sizePolicy: test.policy)
    let (result, failure) = try Self.run(job, path: path) { peer in
      guard case .source(let source) = try peer.hear(.source) else { return }
      #expect(source.byteCount == 40_960 && source.name == path)
      peer.say(Self.description(test.byteCount))
      if test.sentence != nil { return }
      _ = try peer.hear(.pass)
      peer.hangUp()
    }
    guard case .failure(let error) = result else {
      Issue.record("it is done")
      return
    }
    if let sentence = test.sentence {
      #expect(error.sentence.contains(sentence) && error.status == .remote, "\(error)")
      #expect(failure?.sentence == error.sentence)
    } else {
      #expect(error == .lost)
    }
  }

  @Test func imagesOfDifferentSizeAreNotCompared() throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "source.img")
    let job = Job(operation: .verify, serverRole: .target)
    let (result, _) = try Self.run(job, path: path) { $0.say(Self.description(40_961)) }
    #expect(try result.get().verdict == nil)
    #expect(try result.get().target.byteCount == 40_961)
  }

  @Test func aMissingSourceIsToldToTheOtherEnd() throws {
    let scratch = Scratch()
    let job = Job(operation: .copy, serverRole: .source)
    let (result, failure) = try Self.run(job, path: scratch.file("nothing")) { _ in }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.sentence.contains("No such file") == true)
    #expect(error?.end == .source && error?.status == .failed)
    #expect(failure?.sentence == error?.sentence)
  }

  @Test func aTargetThatRefusesIsHeard() throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "source.img")
    let job = Job(operation: .copy, serverRole: .target)
    let (result, _) = try Self.run(job, path: path) { peer in
      peer.say(.progress(ProgressCounters()))
      peer.say(.failure(Failure(exitStatus: 6, sentence: "is mounted", hint: "unmount it")))
    }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.sentence == "is mounted" && error?.hint == "unmount it")
    #expect(error?.status == .refused && error?.isReported == true && error?.end == .target)
  }

  @Test(arguments: [Message.agreed, .hello(Hello(program: "x")), .position(0)])
  func anythingElseInsteadOfATargetIsABreach(message: Message) throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "source.img")
    let job = Job(operation: .copy, serverRole: .target)
    let (result, _) = try Self.run(job, path: path) { $0.say(message) }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.sentence.contains("'\(message.name)' before 'target'") == true)
    #expect(error?.status == .remote)
  }
}
