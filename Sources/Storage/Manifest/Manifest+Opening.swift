// SPDX-License-Identifier: Apache-2.0

import Blocks
import CLinux
import Glibc

/// Which manifest is wanted.
package enum ManifestPlace: Hashable, Sendable {
  /// In the state directory, named by the image's key.
  case byKey
  case path(String)
  case none
}

extension Manifest {
  /// What was found of an image.
  package struct Finding: Sendable {
    /// Nil where none can be kept.
    package var manifest: Manifest?
    package var standing: Standing
    /// What the user should know.
    package var note: String?

    package init(manifest: Manifest?, standing: Standing, note: String? = nil) {
      self.manifest = manifest
      self.standing = standing
      self.note = note
    }
  }

  /// How far a manifest speaks of the image as it is now.
  package enum Standing: Sendable, Equatable {
    /// Nothing is known: it is new, or it was of something else.
    case new
    /// Of this image in some earlier state: good to compare fingerprints with.
    case earlier
    /// A run onto this image was interrupted; each record was true when it was written.
    case interrupted
    /// Closed, and nothing shows that the image was changed since. A device never shows it.
    case whole(isProved: Bool)
  }

  /// Opens the manifest of an image, or makes a new one. That none can be had is no error.
  static func find(
    _ place: ManifestPlace, of key: ImageKey, identity: ImageIdentity, role: ManifestHeader.Role,
    name: String, on machine: Machine
  ) -> Finding {
    do throws(StorageError) {
      guard let path = path(place, of: key, on: machine) else {
        return Finding(manifest: nil, standing: .new)
      }
      guard let descriptor = try openFile(path, in: place, on: machine) else {
        // Another run of this moment keeps it, and will know as much.
        return Finding(manifest: nil, standing: .new)
      }
      return try judge(
        descriptor, path, at: place, key: key, identity: identity, role: role, name: name)
    } catch {
      return Finding(
        manifest: nil, standing: .new,
        note: "no manifest is kept of \(name): \(error)")
    }
  }

  /// Looks at what is known without changing or making anything; nil when there is nothing.
  static func look(
    _ place: ManifestPlace, of key: ImageKey, on machine: Machine
  ) -> (header: ManifestHeader, path: String)? {
    guard let path = Self.path(place, of: key, on: machine),
      let descriptor = try? machine.calls.open(
        path, in: AT_FDCWD, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    else { return nil }
    return header(in: descriptor).map { ($0, path) }
  }

  /// What is known of an image that is still what it was when its manifest was closed.
  static func findUnchanged(
    of key: ImageKey, identity: ImageIdentity, on machine: Machine
  ) -> Manifest? {
    guard let path = path(.byKey, of: key, on: machine),
      let descriptor = try? machine.calls.open(
        path, in: AT_FDCWD, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
      let header = header(in: descriptor), header.key == key.text,
      header.identity.byteCount == identity.byteCount
    else { return nil }
    let manifest = Manifest(
      descriptor, path: path, header: header, role: header.role, key: key.text)
    let standing = manifest.standing(header, identity: identity, role: header.role)
    return standing == .whole(isProved: true) ? manifest : nil
  }

  /// Forgets what is known of an image that changes without anybody keeping account.
  static func remove(of key: ImageKey, on machine: Machine) {
    guard let path = path(.byKey, of: key, on: machine) else { return }
    try? machine.calls.unlink(path, in: AT_FDCWD)
  }

  static func path(
    _ place: ManifestPlace, of key: ImageKey, on machine: Machine
  ) -> String? {
    switch place {
    case .none: nil
    case .path(let path): path
    case .byKey: machine.stateDirectory.map { "\($0)/manifest-\(key.fileName)" }
    }
  }

  /// Nil when another run has it.
  private static func openFile(
    _ path: String, in place: ManifestPlace, on machine: Machine
  ) throws(StorageError) -> Descriptor? {
    do throws(SystemError) {
      if case .byKey = place { try StateDirectory.make(machine.stateDirectory!, machine.calls) }
      let descriptor = try machine.calls.open(
        path, in: AT_FDCWD, flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
      let status = try descriptor.calls.status(descriptor.number)
      guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(number: EINVAL) }
      guard try descriptor.calls.lock(descriptor.number, LOCK_EX) else { return nil }
      return consume descriptor
    } catch {
      throw .writing(path, "open", error)
    }
  }

  static func header(in descriptor: borrowing Descriptor) -> ManifestHeader? {
    var bytes = [UInt8](repeating: 0, count: ManifestHeader.byteCount)
    let progress = unsafe bytes.withUnsafeMutableBytes {
      unsafe descriptor.readAll(into: $0, at: 0)
    }
    return progress.byteCount == bytes.count ? ManifestHeader(bytes) : nil
  }

  private static func judge(
    _ descriptor: consuming Descriptor, _ path: String, at place: ManifestPlace, key: ImageKey,
    identity: ImageIdentity, role: ManifestHeader.Role, name: String
  ) throws(StorageError) -> Finding {
    let present = try descriptor.status(of: path)
    if let header = header(in: descriptor), header.key == key.text || place != .byKey,
      header.identity.kind == identity.kind, header.identity.byteCount == identity.byteCount
    {
      let manifest = Manifest(descriptor, path: path, header: header, role: role, key: key.text)
      return Finding(
        manifest: manifest,
        standing: manifest.standing(header, identity: identity, role: role))
    }
    let isForeign = present.st_size > 0 && header(in: descriptor) == nil
    if isForeign && place != .byKey && !isOurs(descriptor) {
      throw StorageError(
        .unsuitable, object: path, sentence: "is there and is no manifest",
        hint: "name another file, or remove it")
    }
    let header = ManifestHeader(
      role: role, key: key.text, identity: identity, secret: newSecret(), name: name)
    let manifest: Manifest
    do throws(SystemError) {
      manifest = try make(descriptor, path, header)
    } catch {
      throw .writing(path, "make", error)
    }
    return Finding(
      manifest: manifest, standing: .new,
      note: present.st_size > 0 ? "the manifest of \(name) does not fit it and is made anew" : nil)
  }

  /// A header that is torn or of another version still begins like one.
  private static func isOurs(_ descriptor: borrowing Descriptor) -> Bool {
    var bytes = [UInt8](repeating: 0, count: ManifestHeader.magic.count)
    let progress = unsafe bytes.withUnsafeMutableBytes {
      unsafe descriptor.readAll(into: $0, at: 0)
    }
    return progress.byteCount == bytes.count && bytes == ManifestHeader.magic
  }

  func standing(
    _ header: ManifestHeader, identity: ImageIdentity, role: ManifestHeader.Role
  ) -> Standing {
    // Somebody who names the file may keep it for a row of images: each night's snapshot, say. A
    // fingerprint tells which digest goes with some bytes, wherever they are.
    if header.key != key { return .earlier }
    switch header.state {
    case .stale: return .earlier
    // What an interrupted source run left was true of an image that may have changed since.
    case .open: return header.role == .target && role == .target ? .interrupted : .earlier
    case .closed: break
    }
    // What a source was before the machine lost its power need not be what its disk has now.
    if !header.bootIdentifier.isEmpty && header.bootIdentifier != Machine.bootIdentifier {
      return .earlier
    }
    guard (try? recordsDigest()) == header.recordsDigest else { return .earlier }
    if identity.kind == .device { return .whole(isProved: false) }
    return header.identity.isSameState(as: identity) ? .whole(isProved: true) : .earlier
  }

  /// Whether nobody has written to the file after the interrupted run was last at work. What is
  /// written within the moment after it was killed cannot be told from what it wrote itself.
  package func isNewerThan(_ identity: ImageIdentity) -> Bool {
    let last = currentHeader.nanoseconds &+ Self.heartbeatSlackNanoseconds
    return identity.kind == .device || identity.changedNanoseconds <= last
  }

  /// A run that writes says every second that it is at work.
  private static let heartbeatSlackNanoseconds: Int64 = 2_500_000_000

  static func make(
    _ descriptor: consuming Descriptor, _ path: String, _ header: ManifestHeader,
    isScratch: Bool = false
  ) throws(SystemError) -> Manifest {
    let shape = ImageShape(byteCount: header.identity.byteCount)
    try descriptor.calls.truncate(descriptor.number, to: 0)
    try descriptor.calls.truncate(descriptor.number, to: byteCount(for: shape))
    return Manifest(
      descriptor, path: path, header: header, role: header.role, key: header.key,
      isScratch: isScratch)
  }

  /// From the kernel's generator, which is what Swift's own one is on Linux.
  static func newSecret() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<Fingerprinter.secretByteCount).map { _ in
      UInt8.random(in: .min ... .max, using: &generator)
    }
  }
}
