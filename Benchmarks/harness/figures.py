# SPDX-License-Identifier: Apache-2.0
"""The figures that blkmove has set itself, each beside what the run gave.

A figure that the run did not measure is left out.
"""
from harness import table

BLKMOVE, RAW = "blkmove", "blkmove --no-compress"
RSYNC, RSYNC_Z, RSYNC_S = "rsync --inplace", "rsync --inplace -z", "rsync -S"


class Results:
    """Medians by case and peer."""

    def __init__(self, cases):
        self.cases = {case["name"]: case for case in cases}

    def value(self, case, peer, field):
        record = self.cases.get(case, {"peers": {}})["peers"].get(peer)
        if record is None or not record["runs"]:
            return None
        return table.wire(record) if field == "wire" else table.median(record, field)


def row(name, limit, measured):
    if measured is None:
        return []
    verdict = "met" if measured <= limit else f"missed by {measured / limit:.2f}×"
    return [[name, f"{limit:.3g}", f"{measured:.3g}", verdict]]


def part(results, case, field, ours, theirs):
    """Ours as a part of theirs, or None where one is missing."""
    mine, other = results.value(case, ours, field), results.value(case, theirs, field)
    return mine / other if mine is not None and other else None


# Case, field, our variant, the other, the most that ours may be of the other's.
PARTS = [
    ("equal", "wall", BLKMOVE, RSYNC, 1 / 5),
    ("equal", "cpu", BLKMOVE, RSYNC, 1 / 5),
    ("equal", "wall", BLKMOVE, "bdsync", 1 / 20),
    ("equal", "cpu", BLKMOVE, "bdsync", 1 / 20),
    ("equal", "wall", BLKMOVE, "diskrsync", 1 / 30),
    ("equal", "cpu", BLKMOVE, "diskrsync", 1 / 30),
    ("nightly", "wall", BLKMOVE, RSYNC, 1 / 6),
    ("nightly", "synced", BLKMOVE, RSYNC, 1 / 6),
    ("nightly", "wall", BLKMOVE, "bdsync", 1 / 10),
    ("nightly", "wall", BLKMOVE, "diskrsync", 1 / 20),
    ("nightly-local", "wall", BLKMOVE, "blocksync-fast", 1 / 2),
    ("nightly-local", "synced", BLKMOVE, "blocksync-fast", 1 / 2),
    ("sibling", "wire", RAW, RSYNC, 1 / 2),
    ("sibling", "wire", BLKMOVE, RSYNC_Z, 1 / 2),
    ("sibling", "wire", RAW, "bdsync", 1 / 3),
    ("sibling", "wire", BLKMOVE, "bdsync, zstd -1", 1 / 3),
    ("first-pipe", "wall", BLKMOVE, RSYNC_S, 1 / 4),
    ("first-pipe", "wall", RAW, RSYNC_S, 1 / 4),
    ("first-pipe", "synced", RAW, RSYNC_S, 1 / 4),
    ("first-pipe", "wall", BLKMOVE, "diskrsync", 1),
    ("first-pipe", "wall", RAW, "diskrsync", 1),
    ("first-pipe", "synced", RAW, "diskrsync", 1),
    ("first-ssh", "wall", BLKMOVE, "ssh cat, its data only", 1.2),
    ("first-ssh", "wall", RAW, "ssh cat, its data only", 1.2),
    ("first-ssh", "synced", RAW, "ssh cat, its data only", 1.2),
    ("first-local", "wall", BLKMOVE, "nbdcopy --flush", 1.3),
]
WORDS = {"wall": "wall", "synced": "wall with sync", "cpu": "CPU of both ends", "wire": "wire"}


def lines(cases):
    """The rows of the table: figure, limit, measured, met or missed."""
    results, rows = Results(cases), []
    for case, field, ours, theirs, limit in PARTS:
        name = f"{case}: {WORDS[field]}, {ours} / {theirs}"
        rows += row(name, limit, part(results, case, field, ours, theirs))
    return rows + nightly_wire(results) + scan(results) + growth(results) + tiny(results)


def nightly_wire(results):
    sent = results.value("nightly", BLKMOVE, "wire")
    if sent is None:
        return []
    case = results.cases["nightly"]
    limit = 1.1 * case["changed_compressed"] + 2 * table.MIB
    rows = row("nightly: wire MiB, both directions", limit / table.MIB, sent / table.MIB)
    others = [
        table.wire(record) for name, record in case["peers"].items()
        if not name.startswith("blkmove") and record["runs"]]
    if others:
        least = min(others) / table.MIB
        rows += row("nightly: wire MiB, least of the others'", least, sent / table.MIB)
    return rows


def scan(results):
    rows, names = [], ("b2sum -l 256", "blksum")
    ours = results.value("digest", "blkmove digest --threads=1", "cpu")
    if not ours:
        return []
    byte_count = results.cases["digest"]["source_bytes"]
    rows += row("digest: CPU seconds for a GB (5 GB/s a core)", 1 / 5, ours / (byte_count / 1e9))
    for name, factor in zip(names, (6, 2)):
        theirs = results.value("digest", name, "cpu")
        if theirs:
            rows += row(f"digest: CPU, blkmove / {name}", 1 / factor, ours / theirs)
    return rows


def growth(results):
    rows = []
    for kind, limit in (("growth-", 8 * 1.1), ("sparse-", 1.5)):
        names = [name for name in results.cases if name.startswith(kind)]
        if len(names) == 2:
            small, large = (results.value(name, BLKMOVE, "wall") for name in names)
            if small and large:
                rows += row(f"{names[1]} / {names[0]}: wall", limit, large / small)
    return rows


def tiny(results):
    wall = results.value("tiny", BLKMOVE, "wall")
    return row("tiny: milliseconds from start to exit", 15, wall * 1000) if wall else []
