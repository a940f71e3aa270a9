# SPDX-License-Identifier: Apache-2.0
"""The images that the benchmarks copy, made once and kept below Benchmarks/work.

    first    an ext4 file system with a Debian tree and a database in it
    nightly  the same after thousands of random transactions in that database
    sibling  another system of the same distribution, installed in another order
    random   random bytes without a hole, in several sizes
    wide     random bytes at the beginning and the end of a file that is a hole otherwise

Neither root nor a network is needed; with root the database works inside the mounted file
system, without it its pages are put where the file system has them.
"""
import contextlib
import dataclasses
import json
import os
import random
import re
import sqlite3
import subprocess
import tempfile

from harness import extents

TOOLS = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "tools")
DATABASE = "var/lib/bench.db"
FILLER_BYTE_COUNT = 160
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large the images of one set are, in MiB where nothing else is said."""

    name: str
    image: int
    files: int
    database: int
    transactions: int
    random: int
    growth: tuple
    wide: tuple


SIZES = {
    "small": Sizes("small", 1024, 180, 40, 2000, 256, (128, 1024), (1024, 1 << 20)),
    "full": Sizes("full", 8192, 1750, 400, 20000, 2048, (1024, 8192), (8192, 1 << 20)),
}


def run(*command, **options):
    subprocess.run(["nice", *command], check=True, env=ENVIRONMENT, **options)


class Images:
    """Paths of images; each is made when it is first asked for."""

    def __init__(self, work, sizes, say):
        self.sizes, self.say = sizes, say
        self.directory = os.path.join(os.path.abspath(work), sizes.name)
        os.makedirs(self.directory, exist_ok=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def made(self, name, make):
        """The path of an image that appears under its name only when it is complete."""
        path = self.path(name)
        if not os.path.exists(path):
            self.say(f"making {name}")
            part = path + ".part"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            make(part)
            os.rename(part, path)
        return path

    def system(self, which, path):
        tool = os.path.join(TOOLS, "make-system-image")
        run(tool, which, str(self.sizes.files), str(self.sizes.image), path)

    def first(self):
        def make(path):
            self.system("first", path)
            with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
                database = os.path.join(scratch, "bench.db")
                create_database(database, self.sizes.database << 20)
                command = f"write {database} {DATABASE}"
                run("debugfs", "-w", "-R", command, path, stderr=subprocess.DEVNULL)

        return self.made("first", make)

    def nightly(self):
        def make(path):
            run("cp", "--sparse=always", self.first(), path)
            with tempfile.TemporaryDirectory(dir=self.directory) as scratch:
                if not change_by_mount(path, scratch, self.sizes.transactions):
                    change_by_place(path, scratch, self.sizes.transactions)

        return self.made("nightly", make)

    def sibling(self):
        return self.made("sibling", lambda path: self.system("second", path))

    def random(self, mebibytes):
        return self.made(f"random-{mebibytes}", lambda path: write_random(path, mebibytes))

    def wide(self, mebibytes, whole):
        def make(path):
            write_random(path, mebibytes - mebibytes // 4)
            os.truncate(path, (whole - mebibytes // 4) << 20)
            write_random(path, mebibytes // 4)

        return self.made(f"wide-{whole}", make)

    def packed(self):
        """What `first` holds without its zeros: the bytes that a first copy must move."""

        def make(path):
            with open(path, "wb") as file:
                for piece in extents.nonzero_pages(self.first()):
                    file.write(piece)

        return self.made("packed", make)

    def changes(self, before, after):
        """The pages that differ between two images of this set, and what they compress to."""
        name = f"changes-{os.path.basename(before)}-{os.path.basename(after)}.json"

        def make(path):
            pages = extents.changed_pages(before, after)
            record = {"pages": pages, "compressed": compressed_byte_count(after, pages)}
            with open(path, "w", encoding="ascii") as file:
                json.dump(record, file)

        with open(self.made(name, make), encoding="ascii") as file:
            return json.load(file)


def compressed_byte_count(image, pages):
    """The pages of an image in runs of 1 MiB, each compressed by itself with zstd -1."""
    runs = [pages[start : start + 256] for start in range(0, len(pages), 256)]
    total = 0
    with tempfile.TemporaryDirectory() as scratch, open(image, "rb", 0) as file:
        for number, run_pages in enumerate(runs):
            with open(os.path.join(scratch, str(number)), "wb") as piece:
                for page in run_pages:
                    piece.write(os.pread(file.fileno(), extents.PAGE, page * extents.PAGE))
        run("zstd", "-1", "-q", "-r", "--rm", scratch)
        for name in os.listdir(scratch):
            total += os.path.getsize(os.path.join(scratch, name))
    return total


def write_random(path, mebibytes):
    """Appends random bytes that no page of which repeats."""
    with open(path, "ab") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))


def create_database(path, byte_count):
    """A ledger of accounts with some text in each row, as large as asked for."""
    generator = random.Random(1)
    words = [generator.randbytes(5).hex() for _ in range(5000)]
    row_count = byte_count // (FILLER_BYTE_COUNT + 40)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        database.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER, note TEXT)")
        database.execute("CREATE TABLE history(id INTEGER PRIMARY KEY, account INTEGER, note TEXT)")
        rows = (
            (number, number * 37 % 1000, " ".join(generator.choices(words, k=15)))
            for number in range(row_count)
        )
        with database:
            database.executemany("INSERT INTO account VALUES(?, ?, ?)", rows)
        with database:
            database.execute("INSERT INTO history SELECT id, 0, note FROM account WHERE id % 8 = 0")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def work_in_database(path, transaction_count):
    """Random transfers between accounts, each a transaction of its own, each leaving a trace."""
    generator = random.Random(2)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        (count,) = database.execute("SELECT count(*) FROM account").fetchone()
        for number in range(transaction_count):
            giver, taker = generator.randrange(count), generator.randrange(count)
            database.execute("BEGIN")
            change = "UPDATE account SET balance = balance + ? WHERE id = ?"
            database.execute(change, (-number % 100, giver))
            database.execute(change, (number % 100, taker))
            trace = f"{giver} gave {taker} {generator.randbytes(20).hex()}"
            slot = number % (count // 8) * 8
            database.execute("UPDATE history SET note = ? WHERE id = ?", (trace, slot))
            database.execute("COMMIT")


def change_by_mount(image, scratch, transaction_count):
    """The work of a night inside the mounted image; false where this account may not mount."""
    if os.geteuid() != 0:
        return False
    root = os.path.join(scratch, "root")
    os.mkdir(root)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, root], stderr=subprocess.DEVNULL, check=False
    )
    if mounted.returncode != 0:
        return False
    try:
        work_in_database(os.path.join(root, DATABASE), transaction_count)
    finally:
        run("umount", root)
    return True


def change_by_place(image, scratch, transaction_count):
    """The same work in a copy of the database, whose pages then go where the image has them."""
    before, after = os.path.join(scratch, "before"), os.path.join(scratch, "after")
    dump = f"dump {DATABASE} {before}"
    run("debugfs", "-R", dump, image, stderr=subprocess.DEVNULL)
    run("cp", before, after)
    work_in_database(after, transaction_count)
    listing = subprocess.run(
        ["debugfs", "-R", f"blocks {DATABASE}", image],
        check=True, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ).stdout
    places = [int(word) for word in re.findall(rb"\d+", listing)]
    with open(image, "r+b", 0) as file, open(after, "rb", 0) as changed:
        for page in extents.changed_pages(before, after):
            place = places[page] * extents.PAGE
            if os.pread(file.fileno(), extents.PAGE, place) != page_of(before, page):
                raise RuntimeError(f"{image}: page {page} of {DATABASE} is not where it should be")
            os.pwrite(file.fileno(), page_of(changed.name, page), place)


def page_of(path, page):
    with open(path, "rb", 0) as file:
        return os.pread(file.fileno(), extents.PAGE, page * extents.PAGE)
