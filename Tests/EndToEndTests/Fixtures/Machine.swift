// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What a test may need of the machine beyond what `.ci/install-dependencies` brings. A test that
/// is skipped for one of these stands in Tests/may-be-skipped.txt, with the need.
enum Need: String, CaseIterable, Sendable {
  /// Loop devices and mounts: root on a machine that allows them.
  case loopDevices = "loop-devices"
  /// A swap area on a loop device.
  case swap
  /// Partitions of a loop device.
  case partitions
  /// A user-space file system: /dev/fuse, nbdkit and nbdfuse.
  case fuse
  /// File systems whose files can share their blocks, on loop devices.
  case clones
  /// strace may trace here.
  case tracing
  /// QEMU, and a guest for it.
  case virtualMachines = "virtual-machines"
  /// Network namespaces, and a line between them that is held to a rate.
  case narrowLines = "narrow-lines"

  var isMet: Bool {
    switch self {
    case .loopDevices: Machine.hasLoopDevices
    case .swap: Machine.hasSwap
    case .partitions: Machine.hasPartitions
    case .fuse: Machine.hasFuse
    case .clones: Machine.hasClones
    case .tracing: Machine.hasTracing
    case .virtualMachines: Machine.hasVirtualMachines
    case .narrowLines: Machine.hasNarrowLines
    }
  }
}

/// What this machine can do, found out by doing it once.
enum Machine {
  static let isRoot = getuid() == 0

  static let hasLoopDevices: Bool = {
    guard isRoot else { return false }
    return probe(
      """
      set -e; cd "$0"; truncate -s 8M probe; mkfs.ext4 -q probe; d=$(losetup -f --show probe)
      trap 'losetup -d $d' EXIT; mkdir -p mnt; mount $d mnt; umount mnt
      """)
  }()

  static let hasSwap: Bool =
    hasLoopDevices
    && probe(
      """
      set -e; cd "$0"; truncate -s 8M swap; mkswap -q swap; d=$(losetup -f --show swap)
      trap 'losetup -d $d' EXIT; swapon $d; swapoff $d
      """)

  static let hasPartitions: Bool =
    hasLoopDevices
    && probe(
      """
      set -e; cd "$0"; truncate -s 32M disk; d=$(losetup -f --show disk)
      trap 'losetup -d $d' EXIT; addpart $d 1 2048 20480; test -b ${d}p1; delpart $d 1
      """)

  static let hasClones: Bool =
    hasLoopDevices
    && MountedFileSystem.Kind.clonable.allSatisfy { kind in
      probe(
        """
        set -e; cd "$0"; truncate -s \(MountedFileSystem.Kind.clonableByteCount) probe
        \(kind.makingWords.joined(separator: " ")) probe; d=$(losetup -f --show probe)
        trap 'losetup -d $d' EXIT; mkdir -p mnt; mount $d mnt
        trap 'umount mnt; losetup -d $d' EXIT
        echo content >mnt/a; cp --reflink=always mnt/a mnt/b
        """)
    }

  static let hasFuse: Bool =
    Tool.find("nbdkit") != nil && Tool.find("nbdfuse") != nil
    && probe(
      """
      set -e; cd "$0"; truncate -s 8M image; : >through
      nbdfuse -P pid through [ nbdkit --exit-with-parent file image ] & mount=$!
      for i in $(seq 100); do [ -s pid ] && break; sleep 0.05; done
      trap 'fusermount3 -u through; wait $mount' EXIT
      test "$(stat -c %s through)" = 8388608
      """)

  static let hasTracing: Bool =
    Tool.find("strace") != nil
    && probe("strace -qq -o /dev/null -e inject=none true || strace -o /dev/null true")

  /// Without hardware for it QEMU translates, which is enough. The guest is made here unless it was
  /// made before, when the dependencies were installed.
  static let hasVirtualMachines: Bool =
    Tool.find("qemu-system-x86_64") != nil && Tool.find("qemu-img") != nil
    && (try? GuestParts.shared.get()) != nil

  static let hasNarrowLines: Bool = isRoot && (try? NarrowLine(rate: "100mbit")) != nil

  private static func probe(_ script: String) -> Bool {
    let scratch = Scratch()
    var command = Command("bash", "-c", script, scratch.path)
    command.timeoutSeconds = 20
    return (try? command.run())?.status == 0
  }
}

extension Trait where Self == TimeLimitTrait {
  /// A limit on what can hang. The tests wait for programs, each of which has a limit of its own,
  /// far shorter; this one counts the time that a test waits for its turn too.
  static var endsInTime: Self { .timeLimit(.minutes(30)) }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test, and says why, where the machine does not have it.
  static func needs(_ need: Need) -> Self {
    .enabled(if: need.isMet, "this machine has no \(need.rawValue)")
  }
}
