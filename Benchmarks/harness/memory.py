# SPDX-License-Identifier: Apache-2.0
"""How long a guest is silent that moves with its memory, beside QEMU's own migration of it."""
import os
import shlex
import signal
import statistics
import threading
import time

from harness import guests, live
from harness.nights import Row

# What blkmove may add to QEMU's own pause.
MORE = 200
# What QEMU is told that its own pause may be, as by default.
LIMIT_MILLISECONDS = 300


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
        return (self.back or float("inf")) - self.last


def migrate(guest, other):
    """QEMU's own migration, over a socket on this machine. Returns the silence in seconds."""
    address = f"unix:{other.directory}/migration"
    other.monitor.execute("migrate-incoming", uri=address)
    time.sleep(2)
    signs = Signs(guest.serial, other.serial)
    guest.monitor.execute(
        "migrate-set-parameters", downtime_limit=LIMIT_MILLISECONDS, max_bandwidth=10 ** 9)
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
        other.connect()
        state = other.monitor.execute("query-status")["status"]
        raise RuntimeError(f"{before[-2:]} is not followed by {after[:2]}; it is {state}")


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


class Waiting:
    """A guest that somebody else starts, by a command, when its disk is there."""

    def __init__(self, guest, work):
        self.guest = guest
        words = guest.prepare()
        self.pid_file = os.path.join(guest.directory, "pid")
        self.command = os.path.join(work, "start-there")
        with open(self.command, "w", encoding="utf-8") as file:
            daemon = [*words, "-daemonize", "-pidfile", self.pid_file]
            file.write(f"#!/bin/sh\nexec {shlex.join(daemon)} </dev/null >/dev/null 2>&1\n")
        os.chmod(self.command, 0o755)

    def __enter__(self):
        return self.guest

    def __exit__(self, *_):
        if os.path.exists(self.pid_file):
            with open(self.pid_file, encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        self.guest.forget()


def taken_along(programs, directory, say, writer):
    """The silence when blkmove moves disk and memory. Both ends have disks of their own."""
    with live.Place(programs, directory, say) as place:
        disk = place.path("disk.img")
        guests.make_disk(disk, 256, 16, writer)
        waiting = Waiting(
            guests.Guest([place.target(disk)], writer, incoming="defer"), place.work)
        with guests.Guest([disk], writer) as guest, waiting as other:
            time.sleep(2)
            signs = Signs(guest.serial, other.serial)
            # Half of it is for memory: as much as QEMU is allowed alone.
            options = (f"--max-pause={2 * LIMIT_MILLISECONDS}ms",
                       f"--with-memory=qmp:{other.socket}", f"--incoming-cmd={waiting.command}")
            try:
                report, _ = place.move(guest, *options)
                time.sleep(1)
            finally:
                silence = signs.stop()
            require_contiguous(guest, other)
            other.connect()
            other.monitor.execute("stop")
            other.check([place.target(disk)])
            command = place.command(guest, *options).replace(other.socket, "SOCKET-THERE")
    say(f"   blkmove, with memory: silent for {silence * 1000:.0f} ms; {live.told(report)}, "
        f"switching {report['pause']['switching'] * 1000:.0f} ms")
    return silence, command.replace(waiting.command, "START")


def memory(programs, directory, say, rounds):
    """A guest that goes on at the other end without a reboot."""
    writer = guests.Writer(100, slots=2048, burst=4)
    own, ours = [], []
    for _ in range(rounds):
        own.append(shared(directory, writer))
        say(f"   QEMU's own, shared storage: silent for {own[-1] * 1000:.0f} ms")
        silence, command = taken_along(programs, directory, say, writer)
        ours.append(silence)
    own, ours = (statistics.median(values) * 1000 for values in (own, ours))
    return [
        Row("with memory: silence beyond QEMU's own, shared storage", ours - own, "ms", MORE,
            command),
        Row("with memory: silence, blkmove, own disks", ours, "ms"),
        Row("with memory: silence, QEMU's own, shared storage", own, "ms"),
    ]
