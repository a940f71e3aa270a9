# SPDX-License-Identifier: Apache-2.0
"""The other end: a private sshd, and directories that hold an `ssh` each.

A peer is run with one of the directories first on its PATH, and types what a user would type; the
other end is always this machine. Nothing outside the fixture's own directory is used or changed.

    direct    the real ssh with aes128-gcm
    pipe      no cipher: the remote command runs here, joined by pipes
    counted/  the same two with a counter of bytes in front
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SSHD = os.path.join(HERE, "..", "..", "Tests", "tools", "private-sshd")
COUNT = os.path.join(HERE, "count")
CIPHER = "aes128-gcm@openssh.com"
START_SECONDS = 20


class Remote:
    """The fixture, running while the `with` lasts. `listener` is the process that has the port."""

    def __init__(self, programs, wrap=(), wrap_client=(), address="127.0.0.1"):
        self.programs = programs
        self.wrap, self.wrap_client, self.address = list(wrap), list(wrap_client), address

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="blkmove-bench-")
        self.counts = os.path.join(self.directory, "counts")
        self.state = os.path.join(self.directory, "state")
        for path in (self.counts, self.state):
            os.mkdir(path)
        self.path = os.pathsep.join([*self.programs, os.environ["PATH"], "/usr/sbin", "/sbin"])
        self.start()
        self.make_shells()
        return self

    def __exit__(self, *_):
        self.keeper.stdin.close()
        try:
            self.keeper.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.keeper.pid, signal.SIGKILL)
            self.keeper.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        sshd = os.path.join(self.directory, "sshd")
        os.mkdir(sshd)
        far = [f"PATH={self.path}", f"BLKMOVE_STATE_DIR={self.state}"]
        self.keeper = subprocess.Popen(
            [*self.wrap, SSHD, sshd, *far],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "LISTEN_ADDRESS": self.address}, start_new_session=True,
        )
        ready = os.path.join(sshd, "ready")
        deadline = time.monotonic() + START_SECONDS
        while not os.path.exists(ready):
            if self.keeper.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the private sshd did not start")
            time.sleep(0.02)
        self.configuration = os.path.join(sshd, "ssh_config")
        self.listener = next(
            child for child in children(self.keeper.pid) if command_name(child) == "sshd"
        )

    def make_shells(self):
        ssh = f"{shutil.which('ssh')} -F {self.configuration} -c {CIPHER}"
        if self.wrap_client:
            ssh = " ".join(self.wrap_client) + " " + ssh
        pipe = os.path.join(self.directory, "pipe", "ssh")
        count = f"{COUNT} {self.counts}"
        self.ssh = ssh
        self.write_shell("direct", f'exec {ssh} "$@"')
        self.write_shell("pipe", 'shift; exec /bin/sh -c "$*"')
        self.write_shell("counted/direct", f'exec {count} {ssh} "$@"')
        self.write_shell("counted/pipe", f'exec {count} {pipe} "$@"')

    def write_shell(self, name, command):
        directory = os.path.join(self.directory, name)
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "ssh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{command}\n")
        os.chmod(path, 0o755)

    def environment(self, link, is_counted):
        """What a peer's client finds around it, for one kind of link."""
        shell = os.path.join(self.directory, "counted" if is_counted else "", link)
        kept = {key: value for key, value in os.environ.items() if not key.endswith("_RSH")}
        return {
            **kept, "PATH": f"{shell}:{self.path}", "BLKMOVE_STATE_DIR": self.state,
            "LC_ALL": "C.UTF-8",
        }

    def take_counts(self, directory=None):
        """The bytes that went there and came back since the last call, over all connections."""
        there = back = 0
        directory = directory or self.counts
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            with open(path, encoding="ascii") as file:
                sent, received = map(int, file.read().split())
            there, back = there + sent, back + received
            os.unlink(path)
        return there, back


def children(process):
    try:
        with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def command_name(process):
    try:
        with open(f"/proc/{process}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def descendants(process):
    found, rest = [], children(process)
    while rest:
        child = rest.pop()
        found.append(child)
        rest += children(child)
    return found
