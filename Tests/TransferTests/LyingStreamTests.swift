// SPDX-License-Identifier: Apache-2.0

import Blocks
import Foundation
import Glibc
import Storage
import Testing
import Wire

@testable import Transfer

/// Both ends of a copy of a stream against ends that break the rules: each gives up with a
/// sentence, and never traps, hangs or says that all is well.
@Suite struct LyingStreamTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var sentence: String
    var script: @Sendable (Peer) throws -> Void

    init(
      _ testDescription: String, _ sentence: String,
      script: @escaping @Sendable (Peer) throws -> Void
    ) {
      self.testDescription = testDescription
      self.sentence = sentence
      self.script = script
    }
  }

  static let image = Pages.content(2 * 256 + 1, tail: [1, 2, 3])
  static let room = ImageShape(byteCount: UInt64(Geometry.maximumImageByteCount))

  // MARK: Targets that lie

  static func digests(_ count: Int, from first: Int = 0, width: DigestWidth = .full) -> Message {
    var runs = SegmentRuns(first: first, width: width)
    for number in 0..<count { runs.append(Digest(UInt64(number), 1, 2, 3)) }
    return .segments(runs)
  }

  static func want(_ segment: Int, _ pages: Int) -> Message {
    .want(WantedPages(segment: segment, pages: PageSet(firstPages: pages)))
  }

  static let targets = [
    Case("segments with a gap", "segments out of order") { $0.say(digests(1, from: 1)) },
    Case("pages that were not named", "not named") { peer in
      peer.say(digests(2))
      _ = try peer.hear(.pages)
      peer.say(want(1, 3))
      peer.say(want(4000, 3))
    },
    Case("pages twice", "not named") { peer in
      peer.say(digests(1))
      _ = try peer.hear(.pages)
      peer.say(want(0, 1))
      peer.say(want(0, 1))
    },
    Case("settled too early", "'settled' before") { peer in
      peer.say(.settled(Settled(imageDigest: image.imageDigest, unsettledPageCount: 0)))
    },
    Case("another digest", "differs from that of the stream") { peer in
      peer.say(digests(2))
      for segment in 0..<2 {
        _ = try peer.hear(.pages)
        peer.say(want(segment, 0))
      }
      _ = try peer.hear(.source)
      peer.shape = image.shape
      _ = try peer.hear(.pages)
      peer.say(want(2, 0))
      _ = try peer.hear(.scanned)
      peer.say(
        .settled(Settled(imageDigest: Digest(1, 2, 3, 4), unsettledPageCount: 0)))
    },
    Case("a message of a copy", "not for a stream") { $0.say(.closed(0)) },
  ]

  @Test(arguments: targets)
  func aSourceGivesUp(_ test: Case) throws {
    let scratch = Scratch()
    let path = scratch.write(Self.image, to: "source.img")
    let line = Line()
    let running = Watchdog.Running("the source") { () -> TransferError? in
      do throws(TransferError) {
        let input: ByteInput
        do throws(StorageError) {
          input = try ByteInput.open(path)
        } catch {
          throw TransferError(.stream, error)
        }
        let connection = Connection(line.near, timeoutSeconds: 10)
        let target = TargetDescription(
          byteCount: Self.room.byteCount, startsZero: false, isNew: false, wasUnfinished: false,
          name: "target", notes: [])
        _ = try StreamSource(
          input, job: Job(operation: .stream, serverRole: .target, compression: .none),
          connection: connection, target: target, counters: Counters()
        ).run(giveUp: {})
        return nil
      } catch {
        return error
      }
    }
    let peer = Peer(line.far)
    peer.shape = Self.room
    _ = try peer.hear(.pass)
    _ = try peer.play(test.script)
    peer.hangUp()
    let error = try #require(try running.value(), "the source believed it")
    #expect(error.sentence.contains(test.sentence), "\(error.sentence)")
  }

  // MARK: Sources that lie

  static func names(_ segment: Int, _ pages: Int, groups: Int = 16) -> Message {
    let set = PageSet(firstPages: pages)
    return .pages(
      PageNames(
        segment: segment, groups: GroupSet(firstGroups: groups), nonzeroPages: set,
        names: .full(set.map { Digest(UInt64($0), 9, 9, 9) })))
  }

  static func end(_ byteCount: UInt64) -> Message {
    .source(StreamSource.description("stream", byteCount))
  }

  static func data(_ segment: Int, _ pages: Int) -> Message {
    var builder = DataBatchBuilder(shape: room)
    builder.append(PageSet(firstPages: pages), of: segment) { room in
      for index in room.indices { room[index] = 7 }
    }
    var parser = FrameParser(awaitsMagic: false)
    builder.finish(Compressor(), level: nil).withUnsafeBytes { parser.append($0) }
    return try! Message(parser.next()!)
  }

  static let sources = [
    Case("pages that do not bear their names", "does not bear its name") { peer in
      peer.say(names(0, 2))
      _ = try peer.hear(.want)
      peer.say(data(0, 2))
    },
    Case("pages that were not asked for", "not asked for") { $0.say(data(0, 1)) },
    Case("a segment twice", "has no place here") { peer in
      peer.say(names(0, 1))
      peer.say(names(0, 1))
    },
    Case("a part of a segment", "has no place here") { $0.say(names(0, 1, groups: 15)) },
    Case("a position that goes back", "a position too far") { peer in
      peer.say(.position(2))
      peer.say(.position(1))
    },
    Case("zeros of which nothing is known", "not to be zeroed") {
      $0.say(.zero(SegmentRange(first: 5, count: 1 << 30)))
    },
    Case("an end that is not where it is", "which it cannot") { $0.say(end(5 << 20)) },
    Case("an end while pages are missing", "which it cannot") { peer in
      peer.say(names(0, 2))
      peer.say(.position(1))
      peer.say(end(1 << 20))
    },
    Case("an empty stream", "is empty") { $0.say(end(0)) },
    Case("two ends", "which it cannot") { peer in
      peer.say(end(77))
      peer.say(end(77))
    },
    Case("a digest before the end", "before the stream has ended") {
      $0.say(
        .scanned(
          Scanned(imageDigest: Digest(1, 2, 3, 4), scannedByteCount: 1, zeroByteCount: 0)))
    },
    Case("a digest without the last segment", "before the stream has ended") { peer in
      peer.say(end(77))
      peer.say(
        .scanned(
          Scanned(imageDigest: Digest(1, 2, 3, 4), scannedByteCount: 1, zeroByteCount: 0)))
    },
    Case("agreed to nothing", "'agreed' before the end") { $0.say(.agreed) },
    Case("a message of a copy", "not for the target") {
      $0.say(.want(WantedPages(segment: 0, pages: PageSet())))
    },
  ]

  @Test(arguments: sources, [false, true])
  func aTargetGivesUp(_ test: Case, isNew: Bool) throws {
    let scratch = Scratch()
    let path = scratch.file("target.img")
    if !isNew { scratch.write(Self.image, to: "target.img") }
    let line = Line()
    let running = Watchdog.Running("the target") { () -> TransferError? in
      let connection = Connection(line.far, timeoutSeconds: 10)
      defer { connection.stop() }
      do throws(TransferError) {
        try StreamTarget.serve(
          path, policy: .anything,
          job: Job(operation: .stream, serverRole: .target, compression: .none),
          connection: connection, counters: Counters())
        return nil
      } catch {
        connection.tell(error)
        return error
      }
    }
    let peer = Peer(line.near)
    peer.say(Self.end(0))
    _ = try peer.hear(.target)
    peer.shape = Self.room
    peer.say(.pass(PassStart(number: 1, isFull: true)))
    if !isNew {
      // Until it has said what it has, nothing may be said of that.
      _ = try peer.hear(.segments)
    }
    let failure = try peer.play(test.script)
    peer.hangUp()
    let error = try #require(try running.value(), "the target believed it")
    #expect(error.sentence.contains(test.sentence), "\(error.sentence)")
    #expect(failure?.sentence.contains(test.sentence) == true, "\(failure as Any)")
    #expect(isNew ? !scratch.exists("target.img") : scratch.exists("target.img"))
  }
}
