# SPDX-License-Identifier: Apache-2.0
"""What this machine is, for whoever reads the results later."""
import datetime
import os
import platform
import shutil
import subprocess

VERSIONS = {
    "blkmove": ["blkmove", "--version"],
    "rsync": ["rsync", "--version"],
    "ssh": ["ssh", "-V"],
    "zstd": ["zstd", "--version"],
    "nbdcopy": ["nbdcopy", "--version"],
    "casync": ["casync", "--version"],
    "blocksync-fast": ["blocksync-fast", "--version"],
}


def first_line(command, path):
    program = shutil.which(command[0], path=path)
    if program is None:
        return None
    done = subprocess.run(
        [program, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, stdin=subprocess.DEVNULL)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "present"


def processor():
    name, flags = "unknown", ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
            elif line.startswith(("flags", "Features")):
                flags = line
    lanes = [word for word in ("avx512f", "avx2", "vaes", "asimd") if word in flags.split()]
    return f"{os.cpu_count()} × {name} ({', '.join(lanes)})"


def describe(programs, work):
    path = os.pathsep.join([*programs, os.environ["PATH"]])
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.readline().split()[1]) >> 20
    found = subprocess.run(
        ["findmnt", "-no", "FSTYPE,SOURCE", "-T", work], stdout=subprocess.PIPE, text=True,
        check=False)
    machine = {
        "date": datetime.date.today().isoformat(), "processors": processor(),
        "memory": f"{memory} GiB", "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        "images on": found.stdout.strip() or "unknown",
    }
    for name, command in VERSIONS.items():
        version = first_line(command, path)
        if version:
            machine[name] = version
    for name in ("bdsync", "diskrsync", "blksum"):
        if shutil.which(name, path=path):
            machine[name] = "present"
    return machine
