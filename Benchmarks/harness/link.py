# SPDX-License-Identifier: Apache-2.0
"""A wide-area link on one machine: two network namespaces, a delay and a rate between them.

Each namespace has one end of a pair of tun devices. A process of ours reads packets from either,
keeps each for the delay, and writes it to the other; tbf on the devices holds the rate. Needs root
and touches no namespace but its own two.
"""
import collections
import fcntl
import os
import select
import signal
import struct
import subprocess
import time

NEAR, FAR = "10.98.0.1", "10.98.0.2"
DEVICE = "link0"
MTU = 9000
TUN_SET_INTERFACE, TUN_WITHOUT_HEADER = 0x400454CA, 0x1001
CLONE_NEWNET = 0x40000000
# Room for 1 Gbit/s at 100 ms, which the defaults do not have.
TCP_MEMORY = "4096 131072 67108864"
BATCH = 64


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def is_possible():
    return os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)


class Link:
    """The link, up while the `with` lasts. `delay` is one way, in seconds; `rate` in bit/s."""

    def __init__(self, delay, rate=0):
        self.delay, self.rate = delay, rate
        self.near, self.far = (f"blkmove-{end}-{os.getpid()}" for end in ("near", "far"))

    def __enter__(self):
        self.carrier = 0
        try:
            devices = [
                self.end(self.near, NEAR, FAR),
                self.end(self.far, FAR, NEAR),
            ]
            self.carrier = os.fork()
            if self.carrier == 0:
                carry(devices, self.delay)
            for device in devices:
                os.close(device)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.carrier:
            os.kill(self.carrier, signal.SIGKILL)
            os.waitpid(self.carrier, 0)
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)

    def inside(self, name):
        """The words that run a command in one of the namespaces."""
        return ["ip", "netns", "exec", name]

    def end(self, name, own, other):
        run("ip", "netns", "add", name)
        device = open_tun(name)
        for words in (
            f"addr add {own} peer {other} dev {DEVICE}",
            f"link set {DEVICE} mtu {MTU} txqueuelen 4000 up", "link set lo up",
        ):
            run("ip", "-n", name, *words.split())
        for setting in ("tcp_rmem", "tcp_wmem"):
            run(*self.inside(name), "sysctl", "-qw", f"net.ipv4.{setting}={TCP_MEMORY}")
        if self.rate:
            run("tc", "-n", name, "qdisc", "add", "dev", DEVICE, "root", "tbf",
                "rate", f"{self.rate}bit", "burst", "256kb", "latency", "100ms")
        return device


def open_tun(name):
    """A tun device inside the namespace, held from here. Python 3.11 has no setns of its own."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH22x", DEVICE.encode(), TUN_WITHOUT_HEADER)
        fcntl.ioctl(device, TUN_SET_INTERFACE, request)
        return device
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(there)
        os.close(home)


def carry(devices, delay):
    """Hands packets over, each after the delay and in order, until it is killed."""
    queues = [collections.deque(), collections.deque()]
    poll = select.poll()
    for device in devices:
        poll.register(device, select.POLLIN)
    while True:
        due = min((queue[0][0] for queue in queues if queue), default=None)
        wait = None if due is None else max(0.0, (due - time.monotonic()) * 1000)
        poll.poll(wait)
        now = time.monotonic()
        for device, queue in zip(devices, queues):
            receive(device, queue, now + delay)
        for device, queue in zip(reversed(devices), queues):
            while queue and queue[0][0] <= now:
                send(device, queue.popleft()[1])


def receive(device, queue, due):
    for _ in range(BATCH):
        try:
            queue.append((due, os.read(device, 65536)))
        except BlockingIOError:
            return


def send(device, packet):
    """A packet that the device does not take is lost, as on any link."""
    try:
        os.write(device, packet)
    except OSError:
        pass
