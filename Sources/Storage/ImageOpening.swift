// SPDX-License-Identifier: Apache-2.0

/// From what the user wrote to an image, of whatever kind it is: a path of this machine, or the
/// address of an export. A file whose path looks like an address is written with `./` before it.
package enum ImageOpening {
  package static func source(
    _ path: String, within policy: PathPolicy, isForced: Bool
  ) throws(StorageError) -> any CopySource {
    guard NbdAddress.isAddress(path) else {
      return try SourceImage.open(path, within: policy, isForced: isForced)
    }
    let address = try NbdAddress(path)
    try policy.requireReading(address)
    return try NbdImage(address)
  }

  package static func target(
    _ request: TargetRequest, within policy: PathPolicy
  ) throws(StorageError) -> any CopyTarget {
    guard NbdAddress.isAddress(request.path) else {
      return try TargetImage.open(request, within: policy)
    }
    let address = try NbdAddress(request.path)
    try policy.requireWriting(address)
    return try NbdTarget.open(request, at: address)
  }

  /// What a copy of it in a directory is called.
  package static func baseName(of path: String) -> String {
    if NbdAddress.isAddress(path) { return (try? NbdAddress(path))?.baseName ?? "" }
    return path.split(separator: "/").last.map(String.init) ?? ""
  }
}
