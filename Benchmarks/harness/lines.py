# SPDX-License-Identifier: Apache-2.0
"""A line of a stated rate between two network namespaces, as the tests have it."""
import itertools
import os
import subprocess

TOOL = os.path.join(os.path.dirname(__file__), "..", "..", "Tests", "tools", "narrow-line")
FAR = "10.99.0.2"
numbers = itertools.count(1)


class Line:
    """The line, up while the `with` lasts; `rate` as tc takes it, or "none"."""

    def __init__(self, rate):
        self.rate, self.name = rate, f"blkmove-{os.getpid()}-{next(numbers)}"

    def __enter__(self):
        self.keeper = subprocess.Popen(
            [TOOL, self.name, self.rate], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.keeper.stdout.readline():
            raise RuntimeError("a narrow line needs root and network namespaces")
        return self

    def __exit__(self, *_):
        self.keeper.stdin.close()
        self.keeper.wait()

    @property
    def near(self):
        return ["ip", "netns", "exec", f"{self.name}-near"]

    @property
    def far(self):
        return ["ip", "netns", "exec", f"{self.name}-far"]

    def byte_count(self):
        """Of both directions, with all that a network adds."""
        done = subprocess.run(
            [*self.near, "cat", "/sys/class/net/line/statistics/tx_bytes",
             "/sys/class/net/line/statistics/rx_bytes"],
            stdout=subprocess.PIPE, text=True, check=True)
        return sum(map(int, done.stdout.split()))
