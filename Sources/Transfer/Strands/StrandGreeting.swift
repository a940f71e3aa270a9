// SPDX-License-Identifier: Apache-2.0

import Wire

/// The first words on a further connection: the client shows the token, the server answers with
/// the number of the connection. Then there is nothing but data.
///
/// The server says nothing to anybody who has not shown the token.
enum StrandGreeting {
  /// The server: true only for a caller who shows the token; gives where the reading is.
  static func hear(
    _ token: JoinToken, on strand: Strand, counters: Counters, seconds: Double
  ) -> FrameParser? {
    var parser = FrameParser()
    guard let message = next(&parser, on: strand, counters, seconds: seconds) else { return nil }
    return message == .join(token) ? parser : nil
  }

  static func answer(_ number: Int, on strand: Strand, pace: Pace, counters: Counters) -> Bool {
    strand.write(
      WireLimits.magic + Message.joined(number).encoded(), pace: pace, counters: counters)
  }

  /// The client: the number that the server gave, and where the reading is; nil when it did not
  /// let us in.
  static func join(
    _ token: JoinToken, on strand: Strand, pace: Pace, counters: Counters, seconds: Double
  ) -> (number: Int, parser: FrameParser)? {
    let words = WireLimits.magic + Message.join(token).encoded()
    guard strand.write(words, pace: pace, counters: counters) else { return nil }
    var parser = FrameParser()
    guard case .joined(let number) = next(&parser, on: strand, counters, seconds: seconds) else {
      return nil
    }
    return (number, parser)
  }

  /// The first message, when it comes in time and is one.
  private static func next(
    _ parser: inout FrameParser, on strand: Strand, _ counters: Counters, seconds: Double
  ) -> Message? {
    let deadline = Clock.now + seconds
    while true {
      do throws(WireError) {
        if let frame = try parser.next() { return try Message(frame) }
      } catch {
        return nil
      }
      let left = deadline - Clock.now
      guard left > 0, strand.read(into: &parser, counters: counters, seconds: left) else {
        return nil
      }
    }
  }
}
