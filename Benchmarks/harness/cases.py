# SPDX-License-Identifier: Apache-2.0
"""The cases: what the target holds before, what it shall hold, over which link, and who competes.

The first peer of a case is the one that the others' ratios refer to.
"""
import dataclasses

from harness import peers


@dataclasses.dataclass(frozen=True)
class Case:
    """One table.

    `before` is the image that the target holds, or None for no target at all;
    `link` is pipe or direct (see `remote`), or local: no other end.
    """

    name: str
    title: str
    link: str
    peers: tuple
    source: str
    before: str | None = None
    packed: str = ""
    changed: dict | None = None
    most_rounds: int = 1000
    rounds_factor: int = 1
    shows_rate: bool = False


def all_cases(images):
    """Every case as a function that makes its images only when the case is run."""
    sizes = images.sizes
    small, large = sizes.growth
    cases = {
        "equal": lambda: equal(images), "nightly": lambda: nightly(images),
        "nightly-local": lambda: nightly_local(images),
        "first-pipe": lambda: first(images, "pipe"), "first-ssh": lambda: first(images, "direct"),
        "first-local": lambda: first_local(images), "tiny": lambda: tiny(images),
        "digest": lambda: digest(images), "envelope": lambda: envelope(images),
        "sibling": lambda: sibling(images),
    }
    for width in sizes.wide:
        cases[f"sparse-{width >> 10}-gib"] = lambda width=width: sparse(images, small, width)
    for growth in (small, large):
        cases[f"growth-{growth}"] = lambda growth=growth: grow(images, growth)
    return cases


def equal(images):
    first = images.first()
    return Case(
        "equal", "Equal images, over ssh", "direct",
        (peers.BLKMOVE, peers.BLKMOVE_REMEMBERING, peers.RSYNC, peers.BDSYNC, peers.DISKRSYNC),
        first, first)


def nightly(images):
    first, after = images.first(), images.nightly()
    return Case(
        "nightly", "A night of database transactions, over ssh", "direct",
        (peers.BLKMOVE, peers.BLKMOVE_REMEMBERING, peers.BLKMOVE_RAW, peers.RSYNC, peers.RSYNC_Z,
         peers.RSYNC_4K, peers.RSYNC_4K_Z, peers.BDSYNC, peers.BDSYNC_Z, peers.DISKRSYNC,
         peers.CASYNC),
        after, first, changed=images.changes(first, after))


def nightly_local(images):
    first, after = images.first(), images.nightly()
    return Case(
        "nightly-local", "The same, both images on this machine", "local",
        (peers.BLKMOVE, peers.BLOCKSYNC, peers.RSYNC_LOCAL, peers.BDSYNC),
        after, first, changed=images.changes(first, after))


def sibling(images):
    first, other = images.first(), images.sibling()
    return Case(
        "sibling", "Another system of the same distribution onto the first, over ssh", "direct",
        (peers.BLKMOVE, peers.BLKMOVE_RAW, peers.RSYNC, peers.RSYNC_Z, peers.RSYNC_4K,
         peers.BDSYNC, peers.BDSYNC_Z, peers.DISKRSYNC),
        other, first, changed=images.changes(first, other), most_rounds=1)


def first(images, link):
    if link == "pipe":
        title = "A first copy, no cipher (the other end joined by pipes)"
        competitors = (peers.BLKMOVE, peers.BLKMOVE_RAW, peers.RSYNC_S, peers.DISKRSYNC)
    else:
        title = "A first copy, over ssh"
        competitors = (
            peers.BLKMOVE, peers.BLKMOVE_RAW, peers.CAT_PACKED, peers.CAT, peers.ZSTD,
            peers.RSYNC_S, peers.DISKRSYNC)
    name = "first-pipe" if link == "pipe" else "first-ssh"
    return Case(name, title, link, competitors, images.first(), packed=images.packed())


def first_local(images):
    return Case(
        "first-local", "A first copy, both images on this machine", "local",
        (peers.BLKMOVE, peers.NBDCOPY, peers.COPY, peers.RSYNC_S), images.first())


def tiny(images):
    return Case(
        "tiny", "Start to exit: a file of 1 MiB, first copy, local", "local",
        (peers.BLKMOVE, peers.COPY, peers.RSYNC_S, peers.NBDCOPY, peers.NOTHING),
        images.random(1), rounds_factor=10)


def digest(images):
    return Case(
        "digest", f"Scan alone: {images.sizes.random} MiB without a hole, cached", "local",
        tuple(peers.DIGESTS), images.random(images.sizes.random), shows_rate=True)


def envelope(images):
    return Case(
        "envelope", f"What the machine allows: {images.sizes.random} MiB of random bytes", "direct",
        tuple(peers.ENVELOPE), images.random(images.sizes.random), shows_rate=True)


def sparse(images, mebibytes, width):
    image = images.wide(mebibytes, width)
    return Case(
        f"sparse-{width >> 10}-gib",
        f"Equal sparse images of {width >> 10} GiB with {mebibytes} MiB of data, no cipher", "pipe",
        (peers.BLKMOVE,), image, image)


def grow(images, mebibytes):
    image = images.random(mebibytes)
    return Case(
        f"growth-{mebibytes}", f"Equal images of {mebibytes} MiB without a hole, no cipher", "pipe",
        (peers.BLKMOVE,), image, image)
