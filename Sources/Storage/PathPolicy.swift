// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Which paths may be opened, and for what: everything, or (`serve --restrict`) only what the
/// owner of the machine has named.
///
/// A restricted path is walked by the kernel below a directory that was opened first
/// (openat2 with RESOLVE_BENEATH), so that neither `..` nor a symbolic link nor a race of the
/// two leads out. Anything that is no directory must be named exactly.
package struct PathPolicy: Sendable {
  /// What may be done to the paths.
  package enum Mode: String, Sendable, CaseIterable {
    case readWrite, readOnly, writeOnly
  }

  /// What the account may, we may.
  package static let anything = PathPolicy(allowed: nil, mode: .readWrite)

  private let allowed: [String]?
  private let mode: Mode

  package init(restrictedTo allowed: [String], mode: Mode = .readWrite) {
    self.init(allowed: allowed, mode: mode)
  }

  private init(allowed: [String]?, mode: Mode) {
    self.allowed = allowed
    self.mode = mode
  }

  func requireReading(_ path: ImagePath) throws(StorageError) {
    if mode == .writeOnly {
      throw refusal(path, "is write-only here: it may not be read")
    }
  }

  func requireWriting(_ path: ImagePath) throws(StorageError) {
    if mode == .readOnly {
      throw refusal(path, "is read-only here: it may not be written")
    }
  }

  /// An export is allowed when its address is, to the letter.
  func requireReading(_ address: NbdAddress) throws(StorageError) {
    try requireReading(ImagePath(address.text))
    try requireNamed(address)
  }

  func requireWriting(_ address: NbdAddress) throws(StorageError) {
    try requireWriting(ImagePath(address.text))
    try requireNamed(address)
  }

  private func requireNamed(_ address: NbdAddress) throws(StorageError) {
    if allowed?.contains(address.text) == false {
      throw StorageError(
        .refused(.outsidePolicy), object: address.text,
        sentence: "is not among the paths that this machine lets you touch")
    }
  }

  /// Opens what the path leads to. `operation` is for the error sentence.
  func open(_ path: ImagePath, flags: Int32, calls: SystemCalls) throws(StorageError)
    -> Descriptor
  {
    do throws(SystemError) {
      guard let allowed else { return try calls.open(path.text, in: AT_FDCWD, flags: flags) }
      return try openRestricted(path.text, allowed, flags, calls)
    } catch {
      throw StorageError.opening(path.text, error, isRestricted: allowed != nil)
    }
  }

  /// Opens the directory in which `path` names something, which need not exist.
  func openDirectory(of path: ImagePath, calls: SystemCalls) throws(StorageError) -> Descriptor {
    let flags = O_RDONLY | O_DIRECTORY
    do throws(SystemError) {
      guard let allowed else {
        return try calls.open(path.directory, in: AT_FDCWD, flags: flags)
      }
      if let entry = allowed.first(where: { Components($0) == Components(path.text) }) {
        // The owner named this very file, so its place is as good as the owner's word.
        let directory = (try? ImagePath(entry))?.directory ?? "/"
        return try calls.open(directory, in: AT_FDCWD, flags: flags)
      }
      return try openRestricted(path.directory, allowed, flags, calls)
    } catch {
      throw StorageError.openingDirectory(of: path, error, isRestricted: allowed != nil)
    }
  }

  private func openRestricted(
    _ path: String, _ allowed: [String], _ flags: Int32, _ calls: SystemCalls
  ) throws(SystemError) -> Descriptor {
    let wanted = Components(path)
    for entry in allowed {
      let components = Components(entry)
      if let rest = wanted.rest(below: components), let directory = openRoot(entry, calls) {
        return try openBeneath(rest.isEmpty ? "." : rest, directory, flags, calls)
      }
      if wanted == components {
        return try calls.open(
          entry, in: AT_FDCWD, flags: flags, resolve: linux_RESOLVE_NO_MAGICLINKS)
      }
    }
    throw SystemError(number: EXDEV)
  }

  private func openRoot(_ entry: String, _ calls: SystemCalls) -> Descriptor? {
    try? calls.open(entry, in: AT_FDCWD, flags: linux_O_PATH | O_DIRECTORY)
  }

  /// EAGAIN is the kernel's answer when somebody renamed directories during a walk over `..`.
  private func openBeneath(
    _ path: String, _ directory: borrowing Descriptor, _ flags: Int32, _ calls: SystemCalls
  ) throws(SystemError) -> Descriptor {
    let resolve = linux_RESOLVE_BENEATH | linux_RESOLVE_NO_MAGICLINKS
    for _ in 0..<Self.maximumWalkCount {
      do throws(SystemError) {
        return try calls.open(path, in: directory.number, flags: flags, resolve: resolve)
      } catch let error where error.number == EAGAIN {
        continue
      }
    }
    throw SystemError(number: EXDEV)
  }

  /// How often a walk is tried while others rename directories under it.
  private static let maximumWalkCount = 16

  private func refusal(_ path: ImagePath, _ sentence: String) -> StorageError {
    StorageError(.refused(.outsidePolicy), object: path.text, sentence: sentence)
  }

  /// A path as its names, with what means nothing (`.`, `//`) left out. `..` is kept: only the
  /// kernel knows what it means.
  private struct Components: Equatable {
    let names: [Substring]

    init(_ path: String) {
      let absolute = path.hasPrefix("/") ? path : Self.currentDirectory + "/" + path
      names = absolute.split(separator: "/").filter { $0 != "." }
    }

    /// What is left below `root`; nil when this is not below it.
    func rest(below root: Components) -> String? {
      names.starts(with: root.names)
        ? names.dropFirst(root.names.count).joined(separator: "/") : nil
    }

    private static var currentDirectory: String {
      guard let path = unsafe getcwd(nil, 0) else { return "" }
      defer { unsafe free(path) }
      return unsafe String(cString: path)
    }
  }
}
