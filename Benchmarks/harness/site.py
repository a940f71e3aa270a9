# SPDX-License-Identifier: Apache-2.0
"""One source and one target, between which nights pass: each end remembers the one before."""
import contextlib
import os
import re
import shlex
import subprocess
import time

from harness import extents, measuring

# What comes within one tick of the kernel's clock for files looks like one change.
TICK_SECONDS = 0.05
READING = "read,pread64,readv,preadv,preadv2,copy_file_range,sendfile,splice,mmap"


class Site:
    """`source` and `target` are files that the runs change; they go when it is closed."""

    def __init__(self, fixture, directory, say):
        self.fixture, self.directory, self.say = fixture, directory, say
        self.source = os.path.join(directory, "night-source")
        self.target = os.path.join(directory, "night-target")

    def close(self):
        for path in (self.source, self.target, part_of(self.target)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def hold(self, source, target=None):
        """Makes them copies of images; without a target there is none."""
        self.close()
        clone(source, self.source)
        if target:
            clone(target, self.target)

    def put(self, path, image, pages):
        """Gives a file the pages of an image, and waits until its times can be relied on."""
        extents.restore(path, image, pages)
        time.sleep(TICK_SECONDS)

    @property
    def place(self):
        return f"backup:{self.target}"

    def words(self, *options, is_pull=False, target=None):
        target = target or self.target
        places = [f"backup:{self.source}", target] if is_pull else [
            self.source, f"backup:{target}"]
        return ["blkmove", "-q", *options, *places]

    def run(self, words, is_counted=False):
        """One run to its end, which must be a good one."""
        result = measuring.measure(
            words, self.fixture.environment("direct", is_counted), self.fixture.listener,
            self.target if os.path.isfile(self.target) else None)
        if result.status != 0:
            raise RuntimeError(f"{shlex.join(words)}: status {result.status}: {result.said}")
        return result

    def require_equal(self, source=None, target=None):
        source, target = source or self.source, target or self.target
        if not extents.is_equal(source, target):
            raise RuntimeError(f"{target} is not what {source} is")

    def target_bytes_read(self, *options):
        """What the server reads of the target in one run, as strace counts it."""
        prefix = os.path.join(self.fixture.directory, "trace")
        trace = (
            f"strace -ff --seccomp-bpf -qq -y -s 0 -e trace={READING} -o {prefix} -- blkmove")
        self.run(self.words("--remote-path", trace, *options))
        total = 0
        for name in os.listdir(self.fixture.directory):
            if not name.startswith("trace."):
                continue
            path = os.path.join(self.fixture.directory, name)
            with open(path, encoding="utf-8") as file:
                total += sum(bytes_of(line) for line in file if f"<{self.target}>" in line)
            os.unlink(path)
        return total


def bytes_of(line):
    if line.startswith("mmap"):
        raise RuntimeError(f"what is read that way is not counted: {line}")
    result = re.search(r"= (\d+)$", line)
    return int(result.group(1)) if result else 0


def part_of(path):
    """Where a new file of that name grows."""
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.blkmove-part")


def clone(image, path):
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", image, path], check=True)
    measuring.synchronize(path)
