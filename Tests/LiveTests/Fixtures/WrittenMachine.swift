// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Qemu
import Synchronization
import Transfer

@testable import Live

/// A QEMU whose one disk is written to through its monitor, as a guest would, by a thread that does
/// so until it is told to stop.
final class WrittenMachine {
  private final class Common: Sendable {
    let isOver = Atomic(false)
    let count = Atomic(0)
  }

  let path: String
  let tracker: any DirtySource
  private let idle: IdleMachine
  private let guardian: GuardianProcess
  private let live: LiveMachine
  private let byteCount: Int
  private let common = Common()
  private var thread: WorkerThread?

  init(byteCount: Int, in scratch: Scratch) throws {
    signal(SIGPIPE, SIG_IGN)
    path = scratch.file("disk")
    self.byteCount = byteCount
    try Data(count: byteCount).write(to: URL(fileURLWithPath: path))
    idle = try IdleMachine([
      "-machine", "q35", "-blockdev",
      "driver=file,node-name=f0,discard=unmap,filename=\(path)",
      "-blockdev", "driver=raw,node-name=d0,file=f0,discard=unmap",
      "-device", "virtio-blk-pci,id=vd0,drive=d0",
    ])
    guardian = try GuardianProcess.start(program: GuardedRun.program)
    live = try LiveMachine(at: idle.address, guardian: guardian)
    tracker = try live.openImages(isForced: true)[0].tracker
  }

  func start(_ random: inout Random) {
    let (common, byteCount, seed) = (common, byteCount, random.next())
    let channel = live.machine.channel
    thread = WorkerThread {
      var random = Random(seed: seed)
      while !common.isOver.load(ordering: .relaxed) {
        let offset = Int.random(in: 0..<byteCount / 512, using: &random) * 512
        let count = min(byteCount - offset, Int.random(in: 1...100, using: &random) * 512)
        let what =
          [
            "write -q -P \(Int.random(in: 1...255, using: &random))", "write -q -z",
            "write -q -z -u", "discard -q",
          ][max(0, Int.random(in: -4...3, using: &random))]
        let line =
          "qemu-io -d /machine/peripheral/vd0/virtio-backend \"\(what) \(offset) \(count)\""
        _ = try? channel.execute(
          QmpCommand("human-monitor-command", ["command-line": .string(line)]), seconds: 10)
        common.count.add(1, ordering: .relaxed)
      }
    }
  }

  /// How often something was written.
  func stop() -> Int {
    common.isOver.store(true, ordering: .relaxed)
    thread?.join()
    thread = nil
    return common.count.load(ordering: .relaxed)
  }

  deinit {
    _ = stop()
    tracker.end()
    live.end()
    live.disconnect()
    guardian.finish()
  }
}
