# SPDX-License-Identifier: Apache-2.0
"""Runs the cases: an accounting round, then timed rounds with the peers in turn.

The accounting round is not timed. In it a counter stands before the remote shell, the memory of
both ends is watched, and everything gets into the page cache. In the timed rounds nothing stands
between a peer and its ssh. After every run of either kind the target is compared with the source.
"""
import os
import shlex
import subprocess

from harness import extents, measuring, peers, remote

SMALL_CHANGE = 1 / 4


class Target:
    """The file that the peers write. Before each run it holds what the case says.

    After a run that is known to have made it equal to the source, only the pages that the source
    changed are put back; else it is copied anew. Either way it is on stable storage before the
    run, so that nobody pays for what was written before.
    """

    def __init__(self, case, directory):
        self.case = case
        self.path = os.path.join(directory, "target")
        self.content = None
        self.remove()

    def remove(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.content = None

    def prepare(self):
        case = self.case
        if case.before is None:
            self.remove()
        elif self.content != case.before:
            if self.content == case.source and self.is_change_small():
                extents.restore(self.path, case.before, case.changed["pages"])
            else:
                self.remove()
                command = ["cp", "--reflink=auto", "--sparse=always", case.before, self.path]
                os.spawnvp(os.P_WAIT, "cp", command)
                measuring.synchronize(self.path)
            self.content = case.before

    def is_change_small(self):
        changed = len(self.case.changed["pages"]) * extents.PAGE if self.case.changed else None
        return changed is not None and changed < os.path.getsize(self.path) * SMALL_CHANGE / 8

    def check(self):
        """Whether the target is now equal to the source."""
        equal = os.path.exists(self.path) and extents.is_equal(self.case.source, self.path)
        self.content = self.case.source if equal else None
        return equal


class CaseRunner:
    """One case with those of its peers that are on this machine."""

    def __init__(self, case, fixture, directory, only_peers, say):
        self.case, self.fixture, self.say = case, fixture, say
        self.directory = directory
        self.target = Target(case, directory)
        self.job = peers.Job(case.source, self.target.path, case.link == "local", case.packed)
        wanted = [peer for peer in case.peers if is_wanted(peer, only_peers)]
        self.peers = [peer for peer in wanted if peer.is_there(fixture.path)]
        self.records = {
            peer.name: {"absent": peer not in self.peers, "runs": [], "failures": []}
            for peer in wanted
        }

    def run(self, rounds):
        self.say(f"== {self.case.name}: {self.case.title}")
        is_whole = True
        try:
            self.run_rounds(min(rounds * self.case.rounds_factor, self.case.most_rounds))
        except KeyboardInterrupt:
            is_whole = False
        self.target.remove()
        return {
            "is_whole": is_whole,
            "name": self.case.name, "title": self.case.title, "link": self.case.link,
            "source_bytes": os.path.getsize(self.case.source),
            "source_allocated": os.stat(self.case.source).st_blocks * 512,
            "changed_pages": len(self.case.changed["pages"]) if self.case.changed else None,
            "changed_compressed": self.case.changed["compressed"] if self.case.changed else None,
            "shows_rate": self.case.shows_rate, "peers": self.records,
        }

    def run_rounds(self, count):
        failed = set()
        for number in range(count + 1):
            for peer in self.peers:
                is_due = peer.name not in failed and (number == 0 or not peer.is_slow)
                if is_due and not self.run_once(peer, number):
                    failed.add(peer.name)

    def run_once(self, peer, number):
        """One run of one peer; round 0 is the accounting one. False when it is of no use."""
        is_accounting = number == 0
        link = "direct" if self.case.link == "direct" else "pipe"
        self.target.prepare()
        environment = self.fixture.environment(link, is_accounting)
        command = peer.command(self.job)
        result = measuring.measure(
            command, environment, self.fixture.listener, self.target.path, is_accounting)
        record = self.records[peer.name]
        equal = self.target.check() if peer.makes_equal else None
        if result.status != 0 or equal is False:
            why = f"status {result.status}, equal {equal}: {result.said.strip()[:400]}"
            record["failures"].append(why)
            self.say(f"   {peer.name}: {why}")
            return False
        if is_accounting:
            there, back = self.fixture.take_counts()
            record["wire"] = [there, back] if self.case.link != "local" else None
            record["peak"] = [result.near_peak, result.far_peak]
            record["command"] = self.told(command)
        if not is_accounting or peer.is_slow:
            record["runs"].append({
                "wall": result.wall, "synced": result.synced, "near_cpu": result.near_cpu,
                "far_cpu": result.far_cpu, "cpu": result.cpu, "others": result.others,
            })
        self.say(
            f"   {number} {peer.name}: {result.wall:.3f} s, synced {result.synced:.3f} s, "
            f"CPU {result.near_cpu:.2f}+{result.far_cpu:.2f} s, others {result.others:.1f} cores")
        return True

    def told(self, command):
        """A command as the records keep it, without the place that the images happen to have."""
        text = command if isinstance(command, str) else shlex.join(command)
        return text.replace(self.directory, "WORK")


def is_wanted(peer, words):
    """Words name the peers that are wanted; those with a minus before them the others."""
    without = [word[1:] for word in words if word.startswith("-")]
    wanted = [word for word in words if not word.startswith("-")]
    if any(word in peer.name for word in without):
        return False
    return not wanted or any(word in peer.name for word in wanted)


def run_cases(cases, images, programs, rounds, only_peers, say):
    """The records of all named cases, in order.

    A case that cannot be run is named and left out; an interrupt ends the rest.
    """
    results = []
    with remote.Remote(programs) as fixture:
        for name, make in cases.items():
            try:
                runner = CaseRunner(make(), fixture, images.directory, only_peers, say)
                results.append(runner.run(rounds))
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                say(f"   {name} could not be run: {error}")
            if results and not results[-1]["is_whole"]:
                say("   stopped; what was measured is kept")
                break
    return results
