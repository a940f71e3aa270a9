# SPDX-License-Identifier: Apache-2.0
"""How long a guest is silent that moves with its memory, beside QEMU's own migration of it."""
import os
import statistics
import threading
import time

from harness import guests
from harness.nights import Row

# What blkmove may add to QEMU's own pause.
MORE = 200


class Signs:
    """When something was last said on one serial line and first on another."""

    def __init__(self, first, second):
        self.paths, self.last, self.back, self.is_over = (first, second), 0.0, None, False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        sizes = [-1, 0]
        while not self.is_over:
            now = time.monotonic()
            for index, path in enumerate(self.paths):
                size = os.stat(path).st_size if os.path.exists(path) else 0
                if size != sizes[index]:
                    sizes[index] = size
                    if index == 0:
                        self.last = now
                    elif self.back is None:
                        self.back = now
            time.sleep(0.001)

    def stop(self):
        self.is_over = True
        self.thread.join()
        return self.back - self.last


def migrate(guest, other):
    """QEMU's own migration, over a socket on this machine. Returns the silence in seconds."""
    address = f"unix:{other.directory}/migration"
    other.monitor.execute("migrate-incoming", uri=address)
    time.sleep(2)
    signs = Signs(guest.serial, other.serial)
    guest.monitor.execute("migrate-set-parameters", downtime_limit=300, max_bandwidth=10 ** 9)
    guest.monitor.execute("migrate", uri=address)
    while guest.monitor.execute("query-migrate")["status"] != "completed":
        time.sleep(0.02)
    time.sleep(1)
    return signs.stop()


def require_contiguous(guest, other):
    """What is acknowledged at the other end goes on where it ended here."""
    before, after = guest.acknowledged(), other.acknowledged()
    burst = guest.writer.burst
    whole = before + after
    if not after or whole != list(range(whole[0], whole[-1] + 1, burst)):
        raise RuntimeError(f"{before[-2:]} is not followed by {after[:2]}")


def shared(directory, writer):
    """The silence of one migration where both ends have the same disk."""
    disk = os.path.join(directory, "shared.img")
    guests.make_disk(disk, 256, 16, writer)
    with guests.Guest([disk], writer) as guest:
        with guests.Guest([disk], writer, incoming="defer") as other:
            silence = migrate(guest, other)
            require_contiguous(guest, other)
    os.unlink(disk)
    return silence


def memory(programs, directory, say, rounds):
    """A guest that goes on at the other end without a reboot."""
    writer = guests.Writer(100, slots=2048, burst=4)
    own = [shared(directory, writer) for _ in range(rounds)]
    say(f"   QEMU's own, shared storage: {[round(value * 1000) for value in own]} ms")
    return [Row("with memory: QEMU's own, shared storage: silence",
                statistics.median(own) * 1000, "ms")]
