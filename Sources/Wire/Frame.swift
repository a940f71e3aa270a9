// SPDX-License-Identifier: Apache-2.0

/// One message as it crosses the wire: its type and a payload that is complete but not yet
/// understood. `Message(_:width:shape:)` understands it.
package struct Frame: Equatable, Sendable {
  package let type: MessageType
  package let payload: [UInt8]

  package init(type: MessageType, payload: [UInt8]) {
    self.type = type
    self.payload = payload
  }
}
