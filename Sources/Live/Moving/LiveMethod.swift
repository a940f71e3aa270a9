// SPDX-License-Identifier: Apache-2.0

package import Transfer

/// How it is known what is written to the images of a move: the value of `--live`.
package enum LiveMethod: Hashable, Sendable {
  /// All writable disks of a virtual machine, over its monitor socket.
  case qmp(String)
  /// The same of a domain of libvirt's, through virsh.
  case libvirt(String)
  /// What the kernel says that devices have completed.
  case trace
  /// What has changed between two clones of a file.
  case reflink
  /// Nothing: everything is read again.
  case rescan

  /// As it is written; nil when it is none.
  package init?(_ text: String) {
    switch text {
    case "trace": self = .trace
    case "reflink": self = .reflink
    case "rescan": self = .rescan
    default:
      guard let colon = text.firstIndex(of: ":") else { return nil }
      let value = String(text[text.index(after: colon)...])
      if value.isEmpty { return nil }
      switch text[..<colon] {
      case "qmp": self = .qmp(value)
      case "libvirt": self = .libvirt(value)
      default: return nil
      }
    }
  }

  /// Whether the images are found by asking a machine, and not named.
  package var findsImages: Bool {
    switch self {
    case .qmp, .libvirt: true
    case .trace, .reflink, .rescan: false
    }
  }

  package var displayed: String {
    switch self {
    case .qmp(let path): "qmp:\(path)"
    case .libvirt(let name): "libvirt:\(name)"
    case .trace: "trace"
    case .reflink: "reflink"
    case .rescan: "rescan"
    }
  }
}

/// What is to be moved, and where to.
package struct LiveRequest: Equatable, Sendable {
  package var method: LiveMethod
  /// Where the method does not find it.
  package var source: String?
  package var target: Location
  package var settings: LiveSettings

  package init(
    method: LiveMethod, source: String?, target: Location, settings: LiveSettings
  ) {
    self.method = method
    self.source = source
    self.target = target
    self.settings = settings
  }
}
