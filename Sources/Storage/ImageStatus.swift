// SPDX-License-Identifier: Apache-2.0

import Blocks
import Glibc

/// What is known of an image without reading it.
package struct ImageStatus: Sendable {
  /// What was remembered at the end of a run, or of one that did not come to its end.
  package struct Memory: Sendable {
    /// Whether the image is still what it was then.
    package enum Since: String, Sendable {
      case unchanged, changed
      /// A device does not tell.
      case unknown
    }

    package var header: ManifestHeader
    package var path: String
    package var since: Since
  }

  package var name: String
  package var kind: ImageKind
  package var byteCount: UInt64
  /// A copy onto it was begun and not completed.
  package var isUnfinished: Bool
  /// It does not exist yet: what has arrived of it is in this file.
  package var partName: String?
  package var memory: Memory?

  package static func look(
    at path: String, manifest place: ManifestPlace = .byKey, on machine: Machine = .here
  ) throws(StorageError) -> ImageStatus {
    if NbdAddress.isAddress(path) {
      throw StorageError(
        .unsuitable, object: path, sentence: "is an export: nothing is remembered of it")
    }
    do throws(StorageError) {
      return try SourceImage.open(path, within: .anything, isForced: true, on: machine)
        .status(manifest: place)
    } catch let error where error.errorNumber == ENOENT {
      // Not there yet, but perhaps on its way.
      guard let part = try? ImagePath(path).partPath,
        let image = try? SourceImage.open(part, within: .anything, isForced: true, on: machine)
      else { throw error }
      var status = image.status(manifest: place)
      status.name = path
      status.isUnfinished = true
      status.partName = part
      return status
    }
  }
}

extension ImagePath {
  /// Where a new image of this name grows.
  fileprivate var partPath: String {
    let directory = text.dropLast(name.count)
    return directory + PartFile.name(for: name)
  }
}

extension SourceImage {
  func status(manifest place: ManifestPlace) -> ImageStatus {
    ImageStatus(
      name: name, kind: kind, byteCount: byteCount, isUnfinished: isMarkedUnfinished,
      partName: nil, memory: memory(place))
  }

  private func memory(_ place: ManifestPlace) -> ImageStatus.Memory? {
    guard let (header, path) = Manifest.look(place, of: key, on: machine),
      header.key == key.text, header.identity.byteCount == byteCount
    else { return nil }
    let since: ImageStatus.Memory.Since =
      kind == .device
      ? .unknown : header.identity.isSameState(as: identity) ? .unchanged : .changed
    return ImageStatus.Memory(header: header, path: path, since: since)
  }
}
