# SPDX-License-Identifier: Apache-2.0
"""The figures of runs that are broken off: what is sent again.

Bytes are counted at the end of the source, so that what was under way and never arrived counts too.
"""
import os
import shlex
import subprocess

from harness import measuring, remote
from harness.nights import Row, mebibytes
from harness.site import part_of

CUTS = 20
# What one cut may cost: the 2 MiB that ssh lets be on the way, the mebibyte of which a part has
# arrived, and what the pipes before and behind ssh hold; and the names of the pages that are yet
# to come, 8 bytes each, of half of the image on the average.
WINDOW = 4 << 20
NAMES_PER_BYTE = 8 / 4096 / 2
LIMIT_SECONDS = 1200


class Breaking:
    """A site whose runs are counted at both ends, and broken where it was asked for."""

    def __init__(self, site):
        self.site, self.fixture = site, site.fixture
        self.near = self.directory("near-counts")
        self.far = self.directory("far-counts")
        self.pid_file = os.path.join(self.fixture.directory, "server.pid")
        server = f"echo $$ >{self.pid_file}; exec blkmove \"$@\""
        self.server = self.script(
            "server", f"exec {remote.COUNT} {self.far} /bin/sh -c {shlex.quote(server)} server"
            ' "$@"')

    def directory(self, name):
        path = os.path.join(self.fixture.directory, name)
        os.makedirs(path, exist_ok=True)
        return path

    def script(self, name, command):
        path = os.path.join(self.fixture.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{command}\n")
        os.chmod(path, 0o755)
        return path

    def run(self, events, *options, is_pull=False):
        """One run, to whatever end; the n-th call of its remote shell meets the n-th event.

        Returns its status, what the source's end sent and got, and the calls that were made.
        """
        calls = self.directory(f"calls-{len(os.listdir(self.fixture.directory))}")
        cases = "\n".join(f"{number}) at='--at {count} {event}';;"
                          for number, (count, event) in enumerate(events, 1))
        self.fixture.write_shell("breaking", f"""
n=1; until mkdir {calls}/$n 2>/dev/null; do n=$((n + 1)); done
case $n in
{cases}
*) at=;;
esac
exec {remote.COUNT} {self.near} $at {self.fixture.ssh} "$@\"""")
        words = self.site.words("--remote-path", self.server, *options, is_pull=is_pull)
        done = subprocess.run(
            words, env=self.fixture.environment("breaking", False), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            timeout=LIMIT_SECONDS)
        # Nobody may count any more.
        measuring.wait_for_far_end(self.fixture.listener)
        near, far = (sum(self.fixture.take_counts(place)) for place in (self.near, self.far))
        return done, far if is_pull else near, len(os.listdir(calls))


def killed(site, store, rounds):
    """Killed when half of it has crossed, and run again."""
    rows = []
    breaking = Breaking(site)
    first, other = store.first(), store.sibling()
    cases = [
        ("push, new file, far end", None, False, f"kill={breaking.pid_file}"),
        ("push, in place, near end", other, False, "kill-parent"),
        ("pull, new file, near end", None, True, "kill-parent"),
        ("pull, in place, far end", other, True, f"kill={breaking.pid_file}"),
    ]
    for name, before, is_pull, event in cases:
        options = ["--no-compress"]
        site.hold(first, before)
        done, whole, _ = breaking.run([], *options, is_pull=is_pull)
        require(done.returncode == 0, done)
        site.hold(first, before)
        done, sent, _ = breaking.run([(whole // 2, event)], *options, is_pull=is_pull)
        require(done.returncode != 0, done)
        kept = part_of(site.target) if before is None else site.target
        require(os.path.exists(kept), done)
        done, again, _ = breaking.run([], *options, is_pull=is_pull)
        require(done.returncode == 0, done)
        site.require_equal()
        site.say(f"   {name}: {whole}, killed after {sent}, then {again}")
        rows.append(Row(
            f"killed at 50 %, rerun ({name}): sent, of one run", (sent + again) / whole, "", 1.02,
            shlex.join(site.words(*options, is_pull=is_pull))))
    return rows


def cut(site, store, rounds):
    """The line is cut twenty times in one run."""
    rows = []
    breaking = Breaking(site)
    for is_pull in (False, True):
        options = ["--no-compress", "--retry=5"]
        site.hold(store.first())
        done, whole, _ = breaking.run([], *options, is_pull=is_pull)
        require(done.returncode == 0, done)
        site.hold(store.first())
        events = [(whole // (CUTS + 4), "cut")] * CUTS
        done, sent, calls = breaking.run(events, *options, is_pull=is_pull)
        require(done.returncode == 0 and calls == CUTS + 1, done)
        site.require_equal()
        name = "pull" if is_pull else "push"
        site.say(f"   {name}: {whole}, with {CUTS} cuts {sent}")
        rows.append(Row(
            f"cut {CUTS} times in one run ({name}): sent again for each cut, of data and names",
            mebibytes((sent - whole) / CUTS), "MiB", mebibytes(WINDOW + whole * NAMES_PER_BYTE),
            shlex.join(site.words(*options, is_pull=is_pull))))
    return rows


def require(is_so, done):
    if not is_so:
        raise RuntimeError(f"{shlex.join(done.args)}: status {done.returncode}: {done.stderr}")
