# SPDX-License-Identifier: Apache-2.0
"""Runs one command and tells what it cost.

Wall time is from the start of the client to its end, and once more with the target file forced to
stable storage after it. The CPU time of the near end is what the kernel has charged to the client
and all its descendants; that of the far end what it has charged to the sshd and all of its.
"""
import ctypes
import dataclasses
import json
import os
import resource
import signal
import subprocess
import threading
import time

from harness import remote

PR_SET_CHILD_SUBREAPER = 36
LIMIT_SECONDS = 1200
SAMPLE_SECONDS = 0.005
TICKS = os.sysconf("SC_CLK_TCK")
# What belongs to the measuring or to the transport, not to the program that is measured.
TRANSPORT = {"ssh", "sshd", "sshd-session", "sh", "bash", "count", "run", "ip", "python3", "nice"}


@dataclasses.dataclass
class Measurement:
    """One run. Times in seconds, memory in bytes."""

    wall: float
    synced: float
    near_cpu: float
    far_cpu: float
    others: float
    status: int
    said: str
    near_peak: int = 0
    far_peak: int = 0

    @property
    def cpu(self):
        return self.near_cpu + self.far_cpu


def measure(command, environment, listener, target=None, samples_memory=False):
    """Runs a command to its end; `listener` is the sshd whose descendants are the far end."""
    far_before, busy_before, began = charged(listener), busy_seconds(), time.monotonic()
    read_end, write_end = os.pipe()
    client = os.fork()
    if client == 0:
        os.close(read_end)
        run_client(command, environment, write_end)
    os.close(write_end)
    sampler = Sampler(client, listener) if samples_memory else None
    with os.fdopen(read_end, encoding="utf-8") as pipe:
        report = pipe.read()
    os.waitpid(client, 0)
    if not report:
        raise RuntimeError(f"nobody measured {command}")
    result = json.loads(report)
    elapsed = time.monotonic() - began
    synced = result["wall"] + synchronize(target)
    wait_for_far_end(listener)
    far_cpu = charged(listener) - far_before
    ours = result["cpu"] + far_cpu
    others = max(0.0, busy_seconds() - busy_before - ours) / max(elapsed, 0.01)
    near_peak, far_peak = sampler.stop() if sampler else (0, 0)
    return Measurement(
        result["wall"], synced, result["cpu"], far_cpu, others, result["status"], result["said"],
        near_peak, far_peak,
    )


def run_client(command, environment, report):
    """In a process of its own, which adopts whatever the command leaves, and never returns.

    When it is told to stop, or fails, it takes the command with it and reports nothing.
    """
    client = None
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        client = start(command, environment)
        report_end(client, report)
    except BaseException:
        if client:
            os.killpg(client[0].pid, signal.SIGKILL)
        os._exit(1)
    os._exit(0)


def start(command, environment):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    words = command if isinstance(command, list) else ["/bin/sh", "-c", command]
    said = os.memfd_create("said")
    began = time.monotonic()
    client = subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        start_new_session=True,
    )
    return client, began, said


def report_end(started, report):
    """Waits for the command and all that it leaves, and writes down what they cost."""
    client, began, said = started
    # A wait with a limit of its own would look every 50 ms only.
    limit = threading.Timer(LIMIT_SECONDS, os.killpg, (client.pid, signal.SIGKILL))
    limit.start()
    status = client.wait()
    wall = time.monotonic() - began
    limit.cancel()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = os.pread(said, 2000, 0).decode(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    result = {"wall": wall, "cpu": cpu, "status": status, "said": text}
    os.write(report, json.dumps(result).encode())


def synchronize(target):
    """How long the target's data took to reach stable storage after its program had ended."""
    if target is None or not os.path.exists(target):
        return 0.0
    began = time.monotonic()
    file = os.open(target, os.O_RDONLY)
    os.fsync(file)
    os.close(file)
    return time.monotonic() - began


def charged(process):
    """CPU seconds of all ended and awaited descendants of a process, in steps of 10 ms."""
    with open(f"/proc/{process}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


def wait_for_far_end(listener):
    deadline = time.monotonic() + 60
    while remote.children(listener) and time.monotonic() < deadline:
        time.sleep(0.005)


def busy_seconds():
    """CPU seconds that the whole machine has spent on anything."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, interrupt, soft = map(int, file.readline().split()[1:8])
    return (user + nice + system + interrupt + soft) / TICKS


class Sampler:
    """Watches the peak memory of all processes of both ends while a command runs.

    The kernel keeps the peak (VmHWM), so only growth in a process's last moments can be missed.
    Each end's figure is that of its largest process; ssh and shells are not counted.
    """

    def __init__(self, client, listener):
        self.roots, self.peaks, self.is_over = (client, listener), [0, 0], False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.is_over:
            for end, root in enumerate(self.roots):
                for process in remote.descendants(root):
                    if remote.command_name(process) not in TRANSPORT:
                        self.peaks[end] = max(self.peaks[end], peak_memory(process))
            time.sleep(SAMPLE_SECONDS)

    def stop(self):
        self.is_over = True
        self.thread.join()
        return self.peaks


def peak_memory(process):
    try:
        with open(f"/proc/{process}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0
