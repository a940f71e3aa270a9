# SPDX-License-Identifier: Apache-2.0
"""Guests: real kernels in QEMU that write to their disks and acknowledge it on a serial line."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TOOLS = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "tools")
PARTS = os.path.join(os.path.dirname(__file__), "..", "..", ".build", "guest")
PAGE = 4096
START_SECONDS = 90


class Qmp:
    """A monitor of QEMU. A thread of its own reads, so that events have their time."""

    def __init__(self, path):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.file = self.socket.makefile("rb")
        self.answers, self.events = [], []
        self.change = threading.Condition()
        self.file.readline()
        threading.Thread(target=self.read, daemon=True).start()
        self.execute("qmp_capabilities")

    def read(self):
        for line in self.file:
            message = json.loads(line)
            with self.change:
                if "event" in message:
                    self.events.append(message)
                else:
                    self.answers.append(message)
                self.change.notify_all()
        with self.change:
            self.answers.append({"error": {"desc": "the monitor is gone"}})
            self.change.notify_all()

    def execute(self, command, **arguments):
        words = {key.replace("_", "-"): value for key, value in arguments.items()}
        request = {"execute": command, **({"arguments": words} if words else {})}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        with self.change:
            self.change.wait_for(lambda: self.answers, 60)
            answer = self.answers.pop(0)
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def wait_for(self, event, seconds=600):
        with self.change:
            found = self.change.wait_for(
                lambda: any(message["event"] == event for message in self.events), seconds)
        if not found:
            raise RuntimeError(f"no {event} in {seconds} s")

    def moments(self, event):
        with self.change:
            return [
                message["timestamp"]["seconds"] + message["timestamp"]["microseconds"] / 1e6
                for message in self.events if message["event"] == event]

    def pauses(self):
        """How long the guest stood still, each time that it did, as QEMU says."""
        return [back - stop for stop, back in zip(self.moments("STOP"), self.moments("RESUME"))]


class Writer:
    """What a guest writes: pages a second (0: all it can, None: nothing), to so many slots."""

    def __init__(self, rate, slots=2048, burst=8, hot=0):
        self.rate, self.slots, self.burst, self.hot = rate, slots, burst, hot

    @property
    def words(self):
        return [f"slots={self.slots}", f"burst={self.burst}", f"rate={self.rate or 0}",
                f"hot={self.hot}", "pulse=5"]

    def kernel_words(self, disks):
        mode = "idle" if self.rate is None else "write"
        return [f"guest.disks={disks}", f"guest.mode={mode}", *(f"guest.{w}" for w in self.words)]


def give_written_file(disk, writer, directory):
    """Puts the writer's file, with all its slots, into an image that has no guest yet."""
    path = os.path.join(directory, "written")
    subprocess.run([os.path.join(PARTS, "writer"), "fill", f"slots={writer.slots}", path],
                   check=True)
    subprocess.run(["/usr/sbin/debugfs", "-w", "-R", f"write {path} written", disk], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.unlink(path)


def make_disk(path, mebibytes, filler, writer):
    """An ext4 of so many mebibytes, so many of them random, and the writer's file."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as directory:
        with open(os.path.join(directory, "other"), "wb") as file:
            for _ in range(filler):
                file.write(os.urandom(1 << 20))
        subprocess.run([os.path.join(PARTS, "writer"), "fill", f"slots={writer.slots}",
                        os.path.join(directory, "written")], check=True)
        subprocess.run(["truncate", "-s", f"{mebibytes}M", path], check=True)
        subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", directory, path],
                       check=True)


class Guest:
    """A virtual machine that is up while the `with` lasts."""

    def __init__(self, disks, writer, wrap=(), incoming=None, memory=160):
        subprocess.run([os.path.join(TOOLS, "make-guest"), PARTS], check=True)
        self.disks, self.writer, self.incoming = disks, writer, incoming
        self.wrap, self.memory = list(wrap), memory

    def __enter__(self):
        words = self.prepare()
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        self.connect()
        if not self.incoming:
            self.wait_until_up()
        return self

    def connect(self):
        self.monitor = Qmp(os.path.join(self.directory, "own"))

    def prepare(self):
        """Makes its directory, and gives the words that start it."""
        self.directory = tempfile.mkdtemp(prefix="blkmove-guest-")
        self.serial = os.path.join(self.directory, "serial")
        self.socket = os.path.join(self.directory, "qmp")
        own = os.path.join(self.directory, "own")
        kernel = " ".join(["console=ttyS0 quiet panic=-1 no_timer_check",
                           *self.writer.kernel_words(len(self.disks))])
        words = [
            *self.wrap, "qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "max",
            "-m", str(self.memory), "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-serial", f"file:{self.serial}",
            "-qmp", f"unix:{self.socket},server=on,wait=off",
            "-qmp", f"unix:{own},server=on,wait=off",
            "-kernel", os.path.join(PARTS, "vmlinuz"), "-initrd", os.path.join(PARTS, "initrd"),
            "-append", kernel]
        for number, path in enumerate(self.disks):
            words += [
                "-blockdev", f"driver=file,node-name=file{number},filename={path},discard=unmap",
                "-blockdev", f"driver=raw,node-name=disk{number},file=file{number}",
                "-device", f"virtio-blk-pci,id=virtio{number},drive=disk{number}"]
        if self.incoming:
            words += ["-incoming", self.incoming]
        return words

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.forget()

    def forget(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def text(self):
        with open(self.serial, "rb") as file:
            return file.read()

    def acknowledged(self):
        return [int(number) for number in re.findall(rb"^ACK (\d+)\r?\n", self.text(), re.M)]

    def wait_until_up(self):
        deadline = time.monotonic() + START_SECONDS
        while not re.search(rb"^(ACK|PULSE) ", self.text(), re.M):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the guest did not come up: {self.text()[-500:]}")
            time.sleep(0.05)

    def rate(self, seconds=3):
        """Pages a second that it writes, as it is."""
        before = (self.acknowledged() or [0])[-1]
        time.sleep(seconds)
        return ((self.acknowledged() or [0])[-1] - before) / seconds

    def check(self, disks, acknowledged=None):
        """What the check says of disks that must hold everything up to a number."""
        last = (self.acknowledged() or [0])[-1] if acknowledged is None else acknowledged
        with tempfile.TemporaryDirectory(dir=os.path.dirname(disks[0])) as directory:
            copies = [os.path.join(directory, str(number)) for number in range(len(disks))]
            for disk, copy in zip(disks, copies):
                subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
            done = subprocess.run(
                [os.path.join(TOOLS, "check-guest"), os.path.join(PARTS, "writer"), str(last),
                 *self.writer.words, *copies], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"writes were lost: {done.stdout[-500:]}")
