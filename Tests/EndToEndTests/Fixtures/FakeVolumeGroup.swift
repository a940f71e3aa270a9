// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A volume group whose volumes are files, and the commands of LVM that the nightly script uses,
/// which do to these files what LVM does to volumes. What they were asked is in `calls`.
struct FakeVolumeGroup {
  let name = "vg"
  let scratch = Scratch()

  init() throws {
    _ = scratch.path("volumes", isDirectory: true)
    _ = scratch.path("bin", isDirectory: true)
    let head = """
      #!/bin/sh
      volumes='\(scratch.path("volumes"))'
      echo "${0##*/} $*" >>'\(scratch.path("calls"))'
      for last; do :; done
      volume=${last#vg/}

      """
    _ = try scratch.writeScript(head + Self.list, to: "bin/lvs")
    _ = try scratch.writeScript(head + Self.create, to: "bin/lvcreate")
    _ = try scratch.writeScript(
      head + "[ -e \"$volumes/$volume\" ] && rm \"$volumes/$volume\"\n", to: "bin/lvremove")
  }

  /// A pool, whose name says so, is no volume; what is called thin is one of a pool.
  private static let list = """
    case $* in
    *lv_path*) [ -e "$volumes/$volume" ] && echo "  $volumes/$volume" ;;
    *)
      for file in "$volumes"/*; do
        name=${file##*/}
        case $name in
        *pool) echo "  $name:twi-aotz--:" ;;
        thin.blkmove) echo "  $name:Vri---tz-k:thin" ;;
        thin) echo "  $name:Vwi-aotz--:" ;;
        kept.blkmove) echo "  $name:-wi-a-----:" ;;
        *.blkmove) echo "  $name:sri-a-s---:${name%.blkmove}" ;;
        *) echo "  $name:-wi-a-----:" ;;
        esac
      done
      ;;
    esac

    """

  private static let create = """
    case $volume in
    full) echo "  Volume group has insufficient free space" >&2; exit 5 ;;
    esac
    while [ "$1" != --name ]; do shift; done
    [ ! -e "$volumes/$2" ] && cp --sparse=always "$volumes/$volume" "$volumes/$2"

    """

  var commandPath: String { scratch.path("bin") }
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: scratch.path("volumes"))) ?? [])
      .sorted()
  }
  var calls: [String] {
    ((try? String(contentsOfFile: scratch.path("calls"), encoding: .utf8)) ?? "")
      .split(separator: "\n").map(String.init)
  }

  func add(_ name: String, byteCount: UInt64, seed: UInt64) throws -> ImageFile {
    try ImageFile.full(in: scratch, named: "volumes/\(name)", byteCount: byteCount, seed: seed)
  }
}
