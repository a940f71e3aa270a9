// SPDX-License-Identifier: Apache-2.0

/// An export of an NBD server as a source, or as either side of a comparison: qcow2 and whatever
/// else is behind qemu-nbd, nbdkit or a running QEMU.
///
/// It counts as a device: its size is fixed, and it does not tell whether somebody wrote to it. So
/// nothing is remembered of it: an address is a name for whatever is served there today.
///
/// ## Concurrency
/// As `NbdExport`.
package final class NbdImage: CopySource {
  package let name: String
  package let byteCount: UInt64
  package let notes: [String]
  package let export: NbdExport
  private let holes: NbdHoles

  package convenience init(
    _ address: NbdAddress, limits: NbdExport.Limits = NbdExport.Limits()
  ) throws(StorageError) {
    self.init(try NbdExport.open(address, limits: limits))
  }

  package init(_ export: NbdExport) {
    self.export = export
    name = export.address.text
    byteCount = export.byteCount
    holes = NbdHoles(of: export)
    notes =
      holes.isUnknown ? ["\(name): its server does not tell of holes: all of it is read"] : []
  }

  package var kind: ImageKind { .device }

  package var identity: ImageIdentity { export.identity }

  package func currentIdentity() throws(StorageError) -> ImageIdentity {
    holes.forgetAll()
    return export.identity
  }

  @unsafe package func read(
    into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StorageError) {
    try unsafe export.read(into: bytes, at: offset)
  }

  package func extent(at offset: UInt64) throws(StorageError) -> Extent {
    try StorageError.requireInside(byteCount, offset, count: 1, of: name, "look for holes")
    return try holes.extent(at: offset, limit: byteCount)
  }

  package func findManifest(_ place: ManifestPlace) -> Manifest.Finding {
    export.noManifest(place)
  }
}

extension NbdExport {
  /// Its address is all that tells it from another one.
  var identity: ImageIdentity {
    ImageIdentity(kind: .device, deviceNumber: 0, byteCount: byteCount, serial: address.text)
  }

  func noManifest(_ place: ManifestPlace) -> Manifest.Finding {
    var finding = Manifest.Finding(manifest: nil, standing: .new)
    if case .path = place {
      finding.note =
        "no manifest is kept of \(address.text): nothing tells whether it is what it was"
    }
    return finding
  }
}
