// SPDX-License-Identifier: Apache-2.0

/// What the header of a frame says of its payload: of a message between two ends, or of a record
/// in a stream. Both have the same header, so that both are written and read by the same code.
package protocol FrameType: Sendable {
  var rawValue: UInt8 { get }
  /// For sentences.
  var name: String { get }
  /// Refused in the header already, before memory is found for the payload.
  var payloadByteCountLimit: Int { get }
}
