// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The images of a directory that was named as a seed: its regular files and block devices,
/// also behind symbolic links, as the directory of a volume group has them. The newest come first,
/// because they are likely to be the most alike.
package struct SeedDirectory {
  package let images: [SourceImage]
  /// What the user should know.
  package let notes: [String]

  /// More are left out: each of them stays open.
  static let limit = 128

  /// Nil when the path leads to no directory. Part files and other hidden files are no images,
  /// and an image that is as it should be but cannot be opened is left out with a note.
  package static func open(
    _ path: String, within policy: PathPolicy, on machine: Machine = .here
  ) throws(StorageError) -> SeedDirectory? {
    let place = try ImagePath(path)
    try policy.requireReading(place)
    guard case .directory = try OpenedImage.look(at: place, within: policy, calls: machine.calls)
    else { return nil }
    let directory = try policy.open(
      place, flags: O_RDONLY | O_DIRECTORY, calls: machine.calls)
    var notes: [String] = []
    var found = candidates(in: directory, on: machine)
    if found.count > limit {
      notes.append(
        "\(path): has \(found.count) images; the \(limit) newest of them are looked at")
      found.removeLast(found.count - limit)
    }
    var images: [SourceImage] = []
    for candidate in found {
      do throws(StorageError) {
        let name = try ImagePath(directory: path, name: candidate.name).text
        images.append(try SourceImage.open(name, within: policy, isForced: true, on: machine))
      } catch {
        notes.append("\(error); it is not looked at for pages")
      }
    }
    return SeedDirectory(images: images, notes: notes)
  }

  private struct Candidate {
    var name: String
    var modifiedNanoseconds: Int64
  }

  private static func candidates(
    in directory: borrowing Descriptor, on machine: Machine
  ) -> [Candidate] {
    // By the number that is open already, so that nobody can put another in its place.
    let names = KernelFiles.names(in: "\(machine.processRoot)/self/fd/\(directory.number)")
    let candidates = names.compactMap { name -> Candidate? in
      var status = stat()
      guard !name.hasPrefix("."), unsafe fstatat(directory.number, name, &status, 0) == 0 else {
        return nil
      }
      let identity = ImageIdentity(status, kind: .file, byteCount: 0)
      switch status.st_mode & S_IFMT {
      case S_IFREG where status.st_size > 0: break
      case S_IFBLK: break
      default: return nil
      }
      return Candidate(name: name, modifiedNanoseconds: identity.modifiedNanoseconds)
    }
    return candidates.sorted {
      ($1.modifiedNanoseconds, $0.name) < ($0.modifiedNanoseconds, $1.name)
    }
  }
}
