// SPDX-License-Identifier: Apache-2.0

/// From what the user wrote to an image, of whatever kind it is.
package enum ImageOpening {
  package static func source(
    _ path: String, within policy: PathPolicy, isForced: Bool
  ) throws(StorageError) -> any CopySource {
    try SourceImage.open(path, within: policy, isForced: isForced)
  }

  package static func target(
    _ request: TargetRequest, within policy: PathPolicy
  ) throws(StorageError) -> any CopyTarget {
    try TargetImage.open(request, within: policy)
  }
}
