# SPDX-License-Identifier: Apache-2.0
"""The figures of live moves: how long a guest stands still, and what goes over the line.

Each function makes guests, moves their disks, and gives rows; after every move the disks at the
other end have been held against what the guest was told is on them.
"""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

from harness import guests, lines, remote
from harness.nights import Row

MEGABIT = 1_000_000
NARROW = 100 * MEGABIT
# So much of a prediction may be wrong.
TRUST = 1.25
PORT = 10809
# A mirror that is not ready by then does not converge.
MIRROR_SECONDS = 180


class Place:
    """Where one move goes to, over a line or on loopback, and what it is run with."""

    def __init__(self, programs, directory, say, rate=None):
        self.programs, self.directory, self.say, self.rate = programs, directory, say, rate

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.line = stack.enter_context(lines.Line(self.rate)) if self.rate else None
            wraps = (self.line.far, self.line.near, lines.FAR) if self.line else ()
            self.fixture = stack.enter_context(remote.Remote(self.programs, *wraps))
            self.work = stack.enter_context(tempfile.TemporaryDirectory(dir=self.directory))
            self.there = os.path.join(self.work, "there")
            os.mkdir(self.there)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *problem):
        return self.stack.__exit__(*problem)

    def path(self, name):
        return os.path.join(self.work, name)

    def target(self, disk):
        return os.path.join(self.there, os.path.basename(disk))

    def words(self, guest, *options):
        return ["blkmove", "--json", "--live", f"qmp:{guest.socket}", *options,
                f"backup:{self.there}/"]

    def move(self, guest, *options):
        """One move to its end: its report, and bytes that went over the line."""
        words = self.words(guest, *options)
        before = self.line.byte_count() if self.line else 0
        done = subprocess.run(
            words, env=self.fixture.environment("direct", False), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=900)
        if done.returncode != 0:
            raise RuntimeError(f"status {done.returncode}: {done.stderr} {done.stdout[-1000:]}")
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        report = next(item for item in objects if item["type"] == "report")
        return report, (self.line.byte_count() if self.line else 0) - before

    def command(self, guest, *options):
        return " ".join(self.words(guest, *options)).replace(guest.socket, "SOCKET").replace(
            self.there, "THERE")


def pause_of(report):
    """Predicted and measured, in seconds, as the report tells them."""
    return report["pause"]["forecast"]["seconds"], report["pause"]["seconds"]


def told(report):
    """A pause with its parts, for who watches."""
    pause, parts = report["pause"], ("pausing", "asking", "sending", "flushing", "finishing")
    shown = ", ".join(
        f"{part} {pause[part] * 1000:.0f}/{pause['forecast'][part] * 1000:.0f}" for part in parts)
    rounds = len(report["rounds"])
    return f"{rounds} rounds, {report['broken_pauses']} broken pauses, in ms of predicted: {shown}"


def moved(place, writer, disk, *options, name, limit=None):
    """Boots a guest, moves its disk while it writes, and gives rows of its pause."""
    with guests.Guest([disk], writer) as guest:
        guest.monitor.execute("query-status")
        time.sleep(2)
        written = guest.rate() if writer.rate else 0
        report, byte_count = place.move(guest, "--after=stop", *options)
        predicted, measured = pause_of(report)
        guest.check([place.target(disk)])
        command = place.command(guest, "--after=stop", *options)
    place.say(f"   {name}: {written * guests.PAGE / 1e6:.1f} MB/s written, predicted "
              f"{predicted * 1000:.0f} ms, measured {measured * 1000:.0f} ms, "
              f"{byte_count / 1e6:.1f} MB; {told(report)}")
    rows = [Row(f"{name}: pause", measured * 1000, "ms", limit, command)]
    if limit is None:
        rows = [Row(f"{name}: pause over its prediction", measured / max(predicted, 1e-3), "",
                    TRUST, command),
                Row(f"{name}: pause", measured * 1000, "ms")]
    return rows


def dirtying(programs, directory, say, rounds):
    """A guest that writes at a part of the line's rate, or at more than that."""
    rows = []
    for part in (0.25, 0.5, 1.5):
        rate = round(part * NARROW / 8 / guests.PAGE)
        writer = guests.Writer(rate, slots=32768, burst=32)
        for number in range(rounds):
            with Place(programs, directory, say, "100mbit") as place:
                disk = place.path("disk.img")
                guests.make_disk(disk, 512, 32, writer)
                shutil.copy(disk, place.target(disk))
                options = ("--throttle=auto", "--max-pause=1s") if part > 1 else ()
                rows += moved(place, writer, disk, *options,
                              name=f"{part} times the line's rate, round {number + 1}")
    return rows


def idle(programs, directory, say, rounds):
    """A guest that does nothing."""
    rows = []
    writer = guests.Writer(None)
    for rate, limit, name in ((None, 150, "loopback"), ("100mbit", 3000, "100 Mbit/s")):
        for number in range(rounds):
            with Place(programs, directory, say, rate) as place:
                disk = place.path("disk.img")
                guests.make_disk(disk, 512, 32, writer)
                rows += moved(place, writer, disk, limit=limit,
                              name=f"idle guest, {name}, round {number + 1}")
    return rows


class Mirror:
    """QEMU's own way: blockdev-mirror to an NBD server at the other end of the line."""

    def __init__(self, place, target):
        self.server = subprocess.Popen(
            [*place.line.far, "qemu-nbd", "--persistent", "--format=raw", "--discard=unmap",
             f"--bind={lines.FAR}", f"--port={PORT}", target])
        self.place = place
        time.sleep(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def move(self, guest):
        """Bytes over the line, and seconds for which the guest stood still."""
        before = self.place.line.byte_count()
        monitor = guest.monitor
        server = {"type": "inet", "host": lines.FAR, "port": str(PORT)}
        monitor.execute("blockdev-add", driver="nbd", node_name="far", server=server, export="")
        monitor.execute("blockdev-mirror", job_id="move", device="disk0", target="far",
                        sync="full")
        monitor.wait_for("BLOCK_JOB_READY", MIRROR_SECONDS)
        began = time.monotonic()
        monitor.execute("stop")
        monitor.execute("block-job-cancel", device="move")
        monitor.wait_for("BLOCK_JOB_COMPLETED")
        monitor.execute("blockdev-del", node_name="far")
        return self.place.line.byte_count() - before, time.monotonic() - began


def mirror(programs, directory, say, rounds, store):
    """The same move by QEMU's own means: the target has another system of the same kind."""
    rows = []
    # QEMU's mirror sends 64 KiB for every page: a guest that is only a little busier keeps it from
    # ever coming to its end over this line.
    writer = guests.Writer(40, slots=2048, burst=4)
    for number in range(rounds):
        sums = {}
        for name in ("blkmove", "mirror"):
            with Place(programs, directory, say, "100mbit") as place:
                disk = place.path("disk.img")
                subprocess.run(["cp", "--sparse=always", store.first(), disk], check=True)
                guests.give_written_file(disk, writer, place.work)
                subprocess.run(["cp", "--sparse=always", store.sibling(), place.target(disk)],
                               check=True)
                with guests.Guest([disk], writer, wrap=place.line.near) as guest:
                    if name == "mirror":
                        with Mirror(place, place.target(disk)) as job:
                            sums[name], pause = job.move(guest)
                    else:
                        report, sums[name] = place.move(guest, "--after=stop")
                        pause = pause_of(report)[1]
                        command = place.command(guest, "--after=stop")
                    guest.check([place.target(disk)])
                say(f"   {name}: {sums[name] / 1e6:.1f} MB, pause {pause * 1000:.0f} ms")
                rows.append(Row(f"sibling at the target, {name}, round {number + 1}: pause",
                                pause * 1000, "ms"))
        rows.append(Row(f"sibling at the target, round {number + 1}: bytes over QEMU's own mirror",
                        sums["blkmove"] / sums["mirror"], "", 0.5, command))
        rows += [Row(f"sibling at the target, {name}, round {number + 1}", byte_count, "bytes")
                 for name, byte_count in sums.items()]
    return rows
