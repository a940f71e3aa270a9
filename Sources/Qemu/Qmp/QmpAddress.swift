// SPDX-License-Identifier: Apache-2.0

/// Where a virtual machine is spoken to, as the user wrote it: `qmp:PATH` or `libvirt:DOMAIN`.
package enum QmpAddress: Hashable, Sendable {
  /// QEMU's own socket.
  case socket(path: String)
  /// A domain of libvirt's, through virsh.
  case domain(String)

  private static let socketPrefix = "qmp:"
  private static let domainPrefix = "libvirt:"

  /// Nil when it is neither.
  package init?(_ text: String) {
    if text.hasPrefix(Self.socketPrefix) {
      self = .socket(path: String(text.dropFirst(Self.socketPrefix.count)))
    } else if text.hasPrefix(Self.domainPrefix) {
      self = .domain(String(text.dropFirst(Self.domainPrefix.count)))
    } else {
      return nil
    }
    switch self {
    case .socket(""), .domain(""): return nil
    case .socket, .domain: break
    }
  }

  package var text: String {
    switch self {
    case .socket(let path): Self.socketPrefix + path
    case .domain(let name): Self.domainPrefix + name
    }
  }

  package func connect() throws(QmpError) -> any QmpChannel {
    switch self {
    case .socket(let path): try QmpSocket(path: path)
    case .domain(let name): try VirshChannel(domain: name)
    }
  }
}
