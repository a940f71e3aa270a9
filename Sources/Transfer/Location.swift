// SPDX-License-Identifier: Apache-2.0

/// Where one end of a run is: a path on this machine, or a path on a host that is
/// reached through the remote shell.
///
/// Written as rsync's and scp's users write it: `path`, `[user@]host:path` or
/// `ssh://[user@]host[:port]/path`. A colon after a slash belongs to a path, so
/// `./a:b` is local. In place of a path the address of an NBD export may stand, which is then
/// opened by that machine.
package enum Location: Hashable, Sendable {
  case local(path: String)
  case remote(RemoteLocation)

  package var path: String {
    switch self {
    case .local(let path): path
    case .remote(let remote): remote.path
    }
  }
}

/// A path on a host behind the remote shell.
package struct RemoteLocation: Hashable, Sendable {
  package var user: String?
  package var host: String
  package var port: UInt16?
  package var path: String

  package init(user: String? = nil, host: String, port: UInt16? = nil, path: String) {
    self.user = user
    self.host = host
    self.port = port
    self.path = path
  }

  /// This machine, for runs that have a process of their own at either end all the same.
  package static func here(_ path: String) -> RemoteLocation {
    RemoteLocation(host: "", path: path)
  }

  package var isHere: Bool { host.isEmpty }

  /// How error messages and reports name it.
  package var displayed: String { placed(path) }

  /// A path at this place, as messages name it.
  func placed(_ path: String) -> String { isHere ? path : "\(host):\(path)" }
}

extension Location {
  /// The same place, which now must be a directory at its end.
  package var asDirectory: Location {
    if path.hasSuffix("/") { return self }
    switch self {
    case .local(let path): return .local(path: path + "/")
    case .remote(var remote):
      remote.path += "/"
      return .remote(remote)
    }
  }
}
