// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing
import Wire

@testable import Transfer

@Suite struct TargetEndTests {
  static let image = Pages.content(300, tail: [1])

  /// A target end against a peer that plays the source; how it ends.
  private static func run(
    _ job: Job, path: String, seeds: [String] = [], policy: PathPolicy = .anything,
    _ script: (Peer) throws -> Void
  ) throws -> (Result<String, TransferError>, Failure?) {
    let line = Line()
    let running = Watchdog.Running("the target end") { () -> Result<String, TransferError> in
      let connection = Connection(line.far, timeoutSeconds: 10)
      let end = TargetEnd(
        path: path, seeds: seeds, policy: policy, job: job, connection: connection,
        counters: Counters(), giveUp: {})
      defer { connection.stop() }
      do throws(TransferError) {
        return .success(try end.run().name)
      } catch {
        connection.tell(error)
        return .failure(error)
      }
    }
    let peer = Peer(line.near)
    let failure = try peer.play(script)
    peer.hangUp()
    return (try running.value(), failure)
  }

  private static func description(
    _ byteCount: UInt64 = image.shape.byteCount, name: String = "source.img",
    identity: ImageIdentity? = nil
  ) -> Message {
    .source(
      SourceDescription(
        byteCount: byteCount, kind: .file, name: name,
        machine: identity == nil ? "" : Machine.bootIdentifier,
        deviceNumber: identity?.deviceNumber ?? 0, inode: identity?.inode ?? 0))
  }

  @Test func theSourceItselfIsNoTarget() throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "source.img")
    let identity = try scratch.openSource("source.img").identity
    let job = Job(operation: .copy, serverRole: .target)
    let (result, failure) = try Self.run(job, path: path) {
      $0.say(Self.description(identity: identity))
    }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.status == .refused && error?.end == .target)
    #expect(failure?.sentence == error?.sentence && failure?.exitStatus == 6)
    #expect(scratch.holds(Self.image, in: "source.img"))
  }

  @Test func aDirectoryTakesTheSuggestedName() throws {
    let scratch = Scratch()
    let job = Job(operation: .copy, serverRole: .target, suggestedName: "disk.img")
    let (result, failure) = try Self.run(job, path: scratch.path) { peer in
      peer.say(Self.description(0))
      guard case .target(let target) = try peer.hear(.target) else { return }
      #expect(target.isNew && target.startsZero && target.byteCount == 0)
      peer.say(.pass(PassStart(number: 1, isFull: false)))
      peer.say(.position(0))
      peer.say(Pages([]).scanned)
      _ = try peer.hear(.settled)
      peer.say(.agreed)
      _ = try peer.hear(.done)
    }
    #expect(try result.get().hasSuffix("/disk.img"))
    #expect(failure == nil && scratch.bytes(of: "disk.img") == [])
  }

  @Test func aMissingSeedLeavesNothingBehind() throws {
    let scratch = Scratch()
    let job = Job(operation: .copy, serverRole: .target)
    let (result, failure) = try Self.run(
      job, path: scratch.file("target.img"), seeds: [scratch.file("seed.img")]
    ) { $0.say(Self.description()) }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.sentence.contains("seed.img") == true && error?.end == .target)
    #expect(failure?.sentence == error?.sentence)
    #expect(!scratch.exists("target.img") && !scratch.exists(".target.img.blkmove-part"))
  }

  @Test func aRestrictedTargetIsRefused() throws {
    let scratch = Scratch()
    let job = Job(operation: .copy, serverRole: .target)
    let policy = PathPolicy(restrictedTo: [scratch.path], mode: .readOnly)
    let (result, failure) = try Self.run(job, path: scratch.file("target.img"), policy: policy) {
      $0.say(Self.description())
    }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.status == .refused && failure?.exitStatus == 6)
    #expect(!scratch.exists("target.img"))
  }

  @Test func aTargetIsNotAskedForADigest() throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "target.img")
    let job = Job(operation: .digest, serverRole: .target)
    let (result, failure) = try Self.run(job, path: path) { peer in
      // Were it served, this would change the image and leave it unmarked.
      peer.say(Self.description(4096))
      _ = try peer.hear(.target)
    }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.status == .remote)
    #expect(error?.sentence.contains("'digest' is not for a target") == true)
    #expect(failure?.sentence == error?.sentence)
    #expect(scratch.holds(Self.image, in: "target.img"))
  }

  @Test(arguments: [Message.agreed, .hello(Hello(program: "x"))])
  func anythingElseInsteadOfASourceIsABreach(message: Message) throws {
    let scratch = Scratch()
    let job = Job(operation: .copy, serverRole: .target)
    let (result, _) = try Self.run(job, path: scratch.file("t.img")) { $0.say(message) }
    let error = #expect(throws: TransferError.self) { try result.get() }
    #expect(error?.sentence.contains("'\(message.name)' before 'source'") == true)
    #expect(!scratch.exists("t.img"))
  }
}
