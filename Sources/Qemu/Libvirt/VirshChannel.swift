// SPDX-License-Identifier: Apache-2.0

import Glibc

/// QEMU's monitor by way of libvirt, which has the socket for itself: every command is one run of
/// `virsh qemu-monitor-command`. Which libvirt is meant is said by LIBVIRT_DEFAULT_URI, as for
/// every virsh.
///
/// Events cannot be seen on this way.
package final class VirshChannel: QmpChannel {
  package let object: String
  private let domain: String

  /// - Parameter domain: its name, number or UUID.
  package init(domain: String) throws(QmpError) {
    self.domain = domain
    object = "libvirt:\(domain)"
    if domain.isEmpty || domain.hasPrefix("-") {
      throw QmpError(.unsuitable, object: object, sentence: "this is no domain's name")
    }
  }

  package func takeEvents() -> [QmpEvent] { [] }

  package func close() {}

  package func execute(_ command: QmpCommand, seconds: Double) throws(QmpError) -> JSON {
    let words = [
      "virsh", "--quiet", "qemu-monitor-command", "--domain", domain, "--cmd", command.line,
    ]
    let result: Subprocess.Result
    do throws(Subprocess.Failure) {
      result = try Subprocess.run(words, seconds: seconds)
    } catch {
      throw failure(error).during(command.name)
    }
    guard result.status == 0 else {
      throw QmpError(.lost, object: object, sentence: "\(command.name): \(Self.words(result))")
    }
    guard let message = try? JSONParser.parse(result.output[...]), let reply = QmpReply(message)
    else {
      throw QmpError(
        .malformed, object: object, sentence: "\(command.name): virsh gives no answer of QEMU's")
    }
    switch reply {
    case .returned(let value, _): return value
    case .refused(let name, let text, _):
      throw QmpError(.refused(class: name), object: object, sentence: text).during(command.name)
    case .event, .greeting:
      throw QmpError(
        .malformed, object: object, sentence: "\(command.name): virsh gives no answer of QEMU's")
    }
  }

  private func failure(_ failure: Subprocess.Failure) -> QmpError {
    switch failure {
    case .start(let number):
      QmpError(
        .lost, object: object,
        sentence: unsafe "cannot start virsh: \(String(cString: strerror(number)))",
        hint: "install libvirt-clients, or name QEMU's own socket: qmp:PATH")
    case .late: QmpError(.late, object: object, sentence: "no answer in time")
    case .tooMuch:
      QmpError(.malformed, object: object, sentence: "virsh says more than an answer can be")
    }
  }

  /// The last line that virsh said, or its status.
  private static func words(_ result: Subprocess.Result) -> String {
    let text = String(decoding: result.errors.suffix(1000), as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline)
    let printable = lines.last.map { line in
      String(line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
    }
    return printable ?? "virsh ended with status \(result.status)"
  }
}
