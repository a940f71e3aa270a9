// SPDX-License-Identifier: Apache-2.0

/// An image that is only read: the source of a run, or either side of a comparison, whatever kind
/// of thing it is. `SourceImage` is a file or a device of this machine.
///
/// It promises to change nothing. What may change under it its reader notices by comparing
/// `currentIdentity` with `identity` at the end of a pass, where the thing can tell; a device
/// cannot.
package protocol CopySource: ReadableImage {
  /// What has a fixed size that nobody can change by writing is a device.
  var kind: ImageKind { get }
  /// As it was when it was opened.
  var identity: ImageIdentity { get }
  /// What the user should know of it.
  var notes: [String] { get }
  /// As it is now.
  func currentIdentity() throws(StorageError) -> ImageIdentity
  /// What is remembered of it between two runs.
  func findManifest(_ place: ManifestPlace) -> Manifest.Finding
}

extension CopySource {
  /// Nothing is remembered of what has no name that lasts.
  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    Manifest.Finding(manifest: nil, standing: .new)
  }
}
