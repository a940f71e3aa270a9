// SPDX-License-Identifier: Apache-2.0

package import Blocks

/// Everything that two ends say to each other. Who says what, and when, is drawn in
/// docs/protocol.md; this type is only what it looks like.
///
/// Decoding accepts exactly what encoding makes: unknown choices, bits and bytes that are left
/// over are refused, so that both ends always mean the same. Only a hello may be longer.
package enum Message: Equatable, Sendable {
  case hello(Hello)
  case job(Job)
  case source(SourceDescription)
  case target(TargetDescription)
  case pass(PassStart)
  case segments(SegmentRuns)
  /// All segments below this one are announced.
  case position(Int)
  /// All of these are zero at the source.
  case zero(SegmentRange)
  case groups(GroupDigests)
  case differ(GroupMask)
  case pages(PageNames)
  case want(WantedPages)
  case data(DataBatch)
  case scanned(Scanned)
  case settled(Settled)
  /// The image digests are equal: finish.
  case agreed
  case done(Completion)
  case progress(ProgressCounters)
  case verdict(Verdict)
  case digest(ImageName)
  case failure(Failure)
  /// So many names of pages, of all that were given in this pass, are done with.
  case closed(UInt64)
  /// So many further connections are wanted; of 0 only the answer is of interest.
  case strands(Int)
  case invitation(Invitation)
  /// The first word on a further connection.
  case join(JoinToken)
  /// The answer to it: the number of the further connection.
  case joined(Int)
  case arrived(StrandArrival)
  /// The source writes nothing more to this further connection.
  case leave(Int)
  case probe(Probe)
  /// The answer to the last probe of a round.
  case probed(ProbeCount)
  case appraisal(Appraisal)
  /// What the client's user should know, and only the server does.
  case note(String)
  case round(RoundStart)
  /// The target does not know any more what it has there.
  case unsettled(SegmentRange)

  package var type: MessageType {
    switch self {
    case .hello: .hello
    case .job: .job
    case .source: .source
    case .target: .target
    case .pass: .pass
    case .segments: .segments
    case .position: .position
    case .zero: .zero
    case .groups: .groups
    case .differ: .differ
    case .pages: .pages
    case .want: .want
    case .data: .data
    case .scanned: .scanned
    case .settled: .settled
    case .agreed: .agreed
    case .done: .done
    case .progress: .progress
    case .verdict: .verdict
    case .digest: .digest
    case .failure: .failure
    case .closed: .closed
    case .strands: .strands
    case .invitation: .invitation
    case .join: .join
    case .joined: .joined
    case .arrived: .arrived
    case .leave: .leave
    case .probe: .probe
    case .probed: .probed
    case .appraisal: .appraisal
    case .note: .note
    case .round: .round
    case .unsettled: .unsettled
    }
  }

  /// The frame to send, header included. The width of digests is that of the payload.
  package func encoded() -> [UInt8] {
    if case .data(let batch) = self { return batch.encoded() }
    var writer = PayloadWriter(type)
    switch self {
    case .hello(let payload): payload.write(to: &writer)
    case .job(let payload): payload.write(to: &writer)
    case .source(let payload): payload.write(to: &writer)
    case .target(let payload): payload.write(to: &writer)
    case .pass(let payload): payload.write(to: &writer)
    case .segments(let payload): payload.write(to: &writer)
    case .position(let segment): writer.write(UInt64(segment))
    case .zero(let payload): payload.write(to: &writer)
    case .groups(let payload): payload.write(to: &writer)
    case .differ(let payload): payload.write(to: &writer)
    case .pages(let payload): payload.write(to: &writer)
    case .want(let payload): payload.write(to: &writer)
    case .scanned(let payload): payload.write(to: &writer)
    case .settled(let payload): payload.write(to: &writer)
    case .data, .agreed: break
    case .done(let payload): payload.write(to: &writer)
    case .progress(let payload): payload.write(to: &writer)
    case .verdict(let payload): payload.write(to: &writer)
    case .digest(let payload): payload.write(to: &writer)
    case .failure(let payload): payload.write(to: &writer)
    case .closed(let count): writer.write(count)
    case .strands(let count): writer.write(UInt8(count))
    case .invitation(let payload): payload.write(to: &writer)
    case .join(let payload): payload.write(to: &writer)
    case .joined(let strand), .leave(let strand): writer.write(UInt8(strand))
    case .arrived(let payload): payload.write(to: &writer)
    case .probe(let payload): payload.write(to: &writer)
    case .probed(let payload): payload.write(to: &writer)
    case .appraisal(let payload): payload.write(to: &writer)
    case .note(let text): writer.write(text, atMost: WireLimits.textByteCount)
    case .round(let payload): payload.write(to: &writer)
    case .unsettled(let payload): payload.write(to: &writer)
    }
    return writer.finish()
  }

  /// Understands a frame.
  ///
  /// - Parameters:
  ///   - width: what the pass in progress announced.
  ///   - shape: the agreed image; when it is given, segments, groups and pages that it does
  ///     not have are refused. Without it only the largest image is the limit.
  package init(
    _ frame: Frame, width: DigestWidth = .short, shape: ImageShape? = nil
  ) throws(WireError) {
    var reader = PayloadReader(frame, width: width, shape: shape)
    self = try Message(frame.type, from: &reader)
    try reader.finish()
  }

  private init(
    _ type: MessageType, from reader: inout PayloadReader
  ) throws(WireError) {
    switch type {
    case .hello: self = .hello(try Hello(from: &reader))
    case .job: self = .job(try Job(from: &reader))
    case .source: self = .source(try SourceDescription(from: &reader))
    case .target: self = .target(try TargetDescription(from: &reader))
    case .pass: self = .pass(try PassStart(from: &reader))
    case .segments: self = .segments(try SegmentRuns(from: &reader))
    case .position: self = .position(try reader.segmentBound("segment"))
    case .zero: self = .zero(try SegmentRange(from: &reader))
    case .groups: self = .groups(try GroupDigests(from: &reader))
    case .differ: self = .differ(try GroupMask(from: &reader))
    case .pages: self = .pages(try PageNames(from: &reader))
    case .want: self = .want(try WantedPages(from: &reader))
    case .data: self = .data(try DataBatch(from: &reader))
    case .scanned: self = .scanned(try Scanned(from: &reader))
    case .settled: self = .settled(try Settled(from: &reader))
    case .agreed: self = .agreed
    case .done: self = .done(try Completion(from: &reader))
    case .progress: self = .progress(try ProgressCounters(from: &reader))
    case .verdict: self = .verdict(try Verdict(from: &reader))
    case .digest: self = .digest(try ImageName(from: &reader))
    case .failure: self = .failure(try Failure(from: &reader))
    case .closed: self = .closed(try reader.uint64("names"))
    case .strands: self = .strands(try reader.strand("strands", atLeast: 0))
    case .invitation: self = .invitation(try Invitation(from: &reader))
    case .join: self = .join(try JoinToken(from: &reader))
    case .joined: self = .joined(try reader.strand("strand"))
    case .arrived: self = .arrived(try StrandArrival(from: &reader))
    case .leave: self = .leave(try reader.strand("strand"))
    case .probe: self = .probe(try Probe(from: &reader))
    case .probed: self = .probed(try ProbeCount(from: &reader))
    case .appraisal: self = .appraisal(try Appraisal(from: &reader))
    case .note: self = .note(try reader.shownText("note", atMost: WireLimits.textByteCount))
    case .round: self = .round(try RoundStart(from: &reader))
    case .unsettled: self = .unsettled(try SegmentRange(from: &reader))
    }
  }
}
