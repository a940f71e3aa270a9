// SPDX-License-Identifier: Apache-2.0

/// One message of QEMU's: the answer to a command, an event, or the greeting.
///
/// Texts of QEMU's end up in sentences of ours, so control characters are taken out of them.
enum QmpReply: Equatable, Sendable {
  case greeting
  case returned(JSON, identifier: Int64?)
  case refused(class: String, text: String, identifier: Int64?)
  case event(QmpEvent)

  /// Nil when it is none of them.
  init?(_ message: JSON) {
    let identifier = message["id"]?.integer
    if let value = message["return"] {
      self = .returned(value, identifier: identifier)
    } else if let error = message["error"] {
      self = .refused(
        class: Self.printable(error["class"]?.string ?? "GenericError"),
        text: Self.printable(error["desc"]?.string ?? "refused without a reason"),
        identifier: identifier)
    } else if let name = message["event"]?.string {
      let stamp = message["timestamp"]
      let time = stamp?["seconds"]?.integer.map { seconds in
        Double(seconds) + Double(stamp?["microseconds"]?.integer ?? 0) / 1e6
      }
      self = .event(QmpEvent(name: name, data: message["data"], time: time))
    } else if message["QMP"] != nil {
      self = .greeting
    } else {
      return nil
    }
  }

  private static let longestTextCount = 1000

  private static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(longestTextCount).map {
          $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? "?" : $0
        }))
  }
}
