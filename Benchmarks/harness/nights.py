# SPDX-License-Identifier: Apache-2.0
"""The figures of nights after the first: what a run costs that remembers the one before.

Each function makes what it needs, lets nights pass, and gives rows; after every run that is
measured, source and target have been compared.
"""
import contextlib
import dataclasses
import os
import random
import statistics
import subprocess

from harness import extents, table
from harness.site import clone

GROUP = 65536
SPOT_CHECKS = 64
TERABYTE = 1 << 40
# One page in so many of those with data changes.
THOUSANDTH = 1000


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the result. `measured` is held against `limit`, both in `unit`; a row without
    a limit only tells."""

    figure: str
    measured: float
    unit: str
    limit: float | None = None
    command: str = ""

    @property
    def verdict(self):
        if self.limit is None:
            return ""
        if self.measured <= self.limit:
            return "met"
        return f"missed by {self.measured / self.limit:.2f}×" if self.limit else "missed"


def mebibytes(count):
    return count / table.MIB


def second_night(site, store, rounds):
    """A database has worked in the image; both manifests are trusted."""
    first, after = store.first(), store.nightly()
    pages = store.changes(first, after)["pages"]
    site.hold(first, first)
    site.run(site.words())
    site.put(site.source, after, pages)
    count = site.target_bytes_read()
    site.require_equal()
    rewritten = len(pages) * extents.PAGE
    in_groups = len({page * extents.PAGE // GROUP for page in pages}) * GROUP
    checks = SPOT_CHECKS * GROUP
    command = " ".join(site.words("--remote-path", "'strace ... blkmove'"))
    return [
        Row("second night: target read, against the pages that are rewritten, and 64 spot checks",
            mebibytes(count), "MiB", mebibytes(rewritten + checks), command),
        Row("the same, against the groups of 64 KiB in which something is rewritten",
            mebibytes(count), "MiB", mebibytes(in_groups + checks), command),
    ]


def rescan(site, store, rounds):
    """The same night, timed in turns with what remembers nothing."""
    first, after = store.first(), store.nightly()
    pages = store.changes(first, after)["pages"]
    site.hold(first, first)
    walls = {"remembering": [], "without": [], "rsync": []}
    commands = {
        "remembering": site.words(), "without": site.words("--no-manifest"),
        "rsync": ["rsync", "--inplace", "-I", site.source, site.place],
    }
    for number in range(rounds):
        for name, command in commands.items():
            site.put(site.source, first, pages)
            site.run(site.words())
            site.put(site.source, after, pages)
            result = site.run(command)
            site.require_equal()
            walls[name].append(result.wall)
            site.say(f"   {number} {name}: {result.wall:.3f} s, others {result.others:.1f} cores")
    ours, without, rsync = (statistics.median(walls[name]) for name in commands)
    told = " ".join(commands["remembering"])
    return [
        Row("fast rescan: wall, of a run with --no-manifest", ours / without, "", 1 / 2, told),
        Row("fast rescan: wall, of rsync --inplace", ours / rsync, "", 1 / 8, told),
        Row("fast rescan: wall", ours, "s"), Row("with --no-manifest: wall", without, "s"),
        Row("rsync --inplace: wall", rsync, "s"),
    ]


def unchanged(site, store, rounds):
    """Neither end has changed; what is left is the connection."""
    site.hold(store.first(), store.first())
    site.run(site.words())
    command = site.words()
    site.fixture.take_counts()
    site.run(command, is_counted=True)
    wire = sum(site.fixture.take_counts())
    ours, shell = [], []
    for _ in range(rounds * 3):
        shell.append(site.run(["ssh", "backup", "true"]).wall)
        ours.append(site.run(command).wall)
    site.require_equal()
    over = (statistics.median(ours) - statistics.median(shell)) * 1000
    told = " ".join(command)
    return [
        Row("unchanged: wall over that of `ssh backup true`", over, "ms", 50, told),
        Row("unchanged: wire, both directions", wire, "bytes", 4096, told),
        Row("unchanged: wall", statistics.median(ours) * 1000, "ms"),
    ]


def terabyte(site, store, rounds):
    """1 TiB that is nearly all hole, of whose data a thousandth changes, a page here and there."""
    count = 4096 if store.sizes.name == "full" else 256
    image = store.made(f"scattered-{count}", lambda path: scatter(path, count))
    rows = []
    for is_device in (False, True):
        with contextlib.ExitStack() as stack:
            site.hold(image, None if is_device else image)
            options, target = [], site.target
            if is_device:
                if os.geteuid() != 0:
                    site.say("   a loop device needs root")
                    continue
                target, options = stack.enter_context(loop_device(site.target)), ["--trust-target"]
            # A device is known to be empty; a file is found to be equal.
            site.run(site.words(*(["-W"] if is_device else []), target=target))
            changed = change_thinly(site.source, count)
            command = site.words("--no-compress", *options, target=target)
            site.fixture.take_counts()
            site.run(command, is_counted=True)
            wire = sum(site.fixture.take_counts())
            site.require_equal()
        kind = "device, --trust-target" if is_device else "file"
        rows.append(Row(
            f"1 TiB with {count} MiB of data, 1/1000 of its pages changed, {kind}: wire over them",
            (wire / changed - 1) * 100, "%", 20, " ".join(command)))
    return rows


def scatter(path, count):
    """So many mebibytes of data, evenly over a terabyte."""
    generator = random.Random(5)
    with open(path, "wb") as file:
        file.truncate(TERABYTE)
        for number in range(count):
            file.seek(place(number, count))
            file.write(generator.randbytes(table.MIB))


def place(number, count):
    return number * (TERABYTE // count // table.MIB) * table.MIB


def change_thinly(path, count):
    """Gives single pages all over the data new content; returns how many bytes that are."""
    generator = random.Random(6)
    pages = generator.sample(range(count * 256), count * 256 // THOUSANDTH)
    with open(path, "r+b") as file:
        for page in pages:
            file.seek(place(page // 256, count) + page % 256 * extents.PAGE)
            file.write(generator.randbytes(extents.PAGE))
    return len(pages) * extents.PAGE


@contextlib.contextmanager
def loop_device(path):
    """Over a file of a terabyte that is a hole."""
    with open(path, "wb") as file:
        file.truncate(TERABYTE)
    device = subprocess.run(
        ["losetup", "-f", "--show", path], check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["sync", device], check=True)
        subprocess.run(["losetup", "-d", device], check=True)


def siblings(site, store, rounds):
    """Three systems of one distribution, alone and together."""
    images = [store.first(), store.nightly(), store.sibling()]
    names = [os.path.join(site.directory, f"night-{number}") for number in range(len(images))]
    there = os.path.join(site.directory, "night-there")
    os.makedirs(there, exist_ok=True)
    copies = [os.path.join(there, os.path.basename(name)) for name in names]
    base = ["blkmove", "-q", "--no-compress", "--no-manifest"]
    try:
        for image, name in zip(images, names):
            clone(image, name)
        site.fixture.take_counts()
        for name in names:
            site.run([*base, name, f"backup:{there}/"], is_counted=True)
        alone = sum(site.fixture.take_counts())
        for copy in copies:
            os.unlink(copy)
        command = [*base, *names, f"backup:{there}/"]
        site.run(command, is_counted=True)
        together = sum(site.fixture.take_counts())
        for name, copy in zip(names, copies):
            site.require_equal(name, copy)
    finally:
        for path in names + copies:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        os.rmdir(there)
    told = " ".join(command)
    return [
        Row("three siblings in one run: sent, of what three runs send", together / alone, "", 0.5,
            told),
        Row("three siblings, each alone: sent", mebibytes(alone), "MiB"),
    ]
