// SPDX-License-Identifier: Apache-2.0

import Storage

/// The images at the target's end that pages may be taken from, beside the target itself.
struct Seeds {
  /// Numbered from 1 in what follows: 0 is the target.
  private(set) var images: [SourceImage] = []
  /// What is remembered of those that are proved to be what they were.
  private(set) var manifests: [Int: Manifest] = [:]
  private(set) var notes: [String] = []

  /// A sibling, which another source of the same run went to, is left out where it cannot be read.
  static func open(
    _ paths: [String], siblings: [String], besides target: any CopyTarget,
    within policy: PathPolicy,
    remembering: Bool
  ) throws(StorageError) -> Seeds {
    var seeds = Seeds()
    for sibling in siblings {
      if let image = try? SourceImage.open(sibling, within: policy, isForced: true) {
        seeds.images.append(image)
      }
    }
    for path in paths {
      if NbdAddress.isAddress(path) {
        throw StorageError(
          .unsuitable, object: path, sentence: "is an export, and a seed is a file or a device")
      }
      if let directory = try SeedDirectory.open(path, within: policy) {
        seeds.images += directory.images.filter { !$0.isSame(as: target) }
        seeds.notes += directory.notes
      } else {
        seeds.images.append(try SourceImage.open(path, within: policy, isForced: true))
      }
    }
    if remembering { seeds.remember() }
    return seeds
  }

  private mutating func remember() {
    for (number, image) in images.enumerated() {
      manifests[number + 1] = image.unchangedManifest()
    }
  }
}
