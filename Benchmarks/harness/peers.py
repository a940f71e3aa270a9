# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared, and what a user would type for each job.

A command is a list of words, or a string for the shell where the job takes a pipeline. `ssh` is
whatever the job's link makes of it (see `remote`). A peer that is not on PATH is left out, and
the table says so.
"""
import dataclasses
import shlex
import shutil
import typing


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be done: make `target` equal to `source`, whose data alone is in `packed`."""

    source: str
    target: str
    is_local: bool
    packed: str = ""

    @property
    def place(self):
        return self.target if self.is_local else f"backup:{self.target}"


@dataclasses.dataclass(frozen=True)
class Peer:
    """`makes_equal` is false for what moves the bytes but does not make the target an image.

    One that `is_slow` has its accounting run for its only one, which the table says.
    """

    name: str
    program: str
    command: typing.Callable[[Job], typing.Union[list, str]]
    makes_equal: bool = True
    is_slow: bool = False

    def is_there(self, path):
        return shutil.which(self.program, path=path) is not None


def blkmove(name, *options, remembers=False):
    """What an earlier round left would spare blkmove the work that its peers have to do again."""
    memory = [] if remembers else ["--no-manifest"]
    return Peer(
        name, "blkmove",
        lambda job: ["blkmove", "-q", *memory, *options, job.source, job.place])


def blkmove_pull(name, *options):
    return Peer(name, "blkmove", lambda job: [
        "blkmove", "-q", *options, f"backup:{job.source}", job.target])


def rsync(name, *options):
    return Peer(name, "rsync", lambda job: ["rsync", *options, "-I", job.source, job.place])


def bdsync(job, filters=("cat", "cat")):
    """Two halves joined by a pipe: what differs, and a patch at the other end."""
    source, target = shlex.quote(job.source), shlex.quote(job.target)
    if job.is_local:
        return f"bdsync 'bdsync --server' {source} {target} | bdsync --patch={target}"
    send, receive = "", "bdsync --patch=" + target
    if filters[0] != "cat":
        send, receive = f"| {filters[0]} ", f"{filters[1]} | {receive}"
    compare = f"bdsync 'ssh backup bdsync --server' {source} {target}"
    return f'{compare} {send}| ssh backup "{receive}"'


def casync(job):
    """The store is made at the source's end, and read from the target's end with it as a seed."""
    source, target = shlex.quote(job.source), shlex.quote(job.target)
    store = target + ".castr"
    make = f"casync make --store={store} {target}.caibx {source}"
    seed = f"--seed={target}" if not job.packed else ""
    extract = f"casync extract --store={store} {seed} backup:{target}.caibx {target}.new"
    clean = f"rm -rf {store} {target}.caibx"
    return (
        f'ssh backup "{make}" >/dev/null && {extract} && mv {target}.new {target} && {clean}'
    )


def pipeline(near, far):
    def command(job):
        words = {key: shlex.quote(value) for key, value in dataclasses.asdict(job).items()
                 if isinstance(value, str)}
        remote = shlex.quote(far.format(**words))
        return f"{near.format(**words)} ssh backup {remote}"

    return command


BLKMOVE = blkmove("blkmove")
# The source's manifest is there from the second round on; the target is another file each time.
BLKMOVE_REMEMBERING = blkmove("blkmove, source remembered", remembers=True)
BLKMOVE_RAW = blkmove("blkmove --no-compress", "--no-compress")
RSYNC = rsync("rsync --inplace", "--inplace")
RSYNC_LOCAL = rsync("rsync --inplace --no-whole-file", "--inplace", "--no-whole-file")
RSYNC_Z = rsync("rsync --inplace -z", "--inplace", "-z")
RSYNC_4K = rsync("rsync --inplace --block-size=4096", "--inplace", "--block-size=4096")
RSYNC_4K_Z = rsync("rsync --inplace -z --block-size=4096", "--inplace", "-z", "--block-size=4096")
RSYNC_S = rsync("rsync -S", "-S")
BDSYNC = Peer("bdsync", "bdsync", bdsync)
BDSYNC_Z = Peer(
    "bdsync, zstd -1", "bdsync", lambda job: bdsync(job, ("zstd -1 -q", "zstd -dcq")),
    is_slow=True)
DISKRSYNC = Peer(
    "diskrsync", "diskrsync",
    lambda job: ["diskrsync", "--no-compress", job.source, job.place])
BLOCKSYNC = Peer(
    "blocksync-fast", "blocksync-fast",
    lambda job: ["blocksync-fast", "-s", job.source, "-d", job.target])
CASYNC = Peer("casync", "casync", casync, is_slow=True)
NBDCOPY = Peer(
    "nbdcopy --flush", "nbdcopy", lambda job: ["nbdcopy", "--flush", job.source, job.target])
COPY = Peer("cp --sparse=always", "cp",
            lambda job: ["cp", "--sparse=always", job.source, job.target])
ZSTD = Peer(
    "zstd -1, ssh, zstd -d", "zstd",
    pipeline("zstd -1 -cq {source} |", "zstd -dqf --sparse - -o {target}"))
CAT = Peer("ssh cat, whole image", "ssh", pipeline("<{source}", "cat >{target}"))
CAT_PACKED = Peer(
    "ssh cat, its data only", "ssh", pipeline("<{packed}", "cat >{target}"), makes_equal=False)
NOTHING = Peer("true (nothing at all)", "true", lambda job: ["true"], makes_equal=False)

DIGESTS = [
    Peer("blkmove digest --threads=1", "blkmove",
         lambda job: ["blkmove", "digest", "--threads=1", job.source], makes_equal=False),
    Peer("blkmove digest", "blkmove",
         lambda job: ["blkmove", "digest", job.source], makes_equal=False),
    Peer("b2sum -l 256", "b2sum", lambda job: ["b2sum", "-l", "256", job.source],
         makes_equal=False),
    Peer("blksum", "blksum", lambda job: ["blksum", job.source], makes_equal=False),
    Peer("cat (reading alone)", "cat", lambda job: f"cat {shlex.quote(job.source)} >/dev/null",
         makes_equal=False),
]

ENVELOPE = [
    Peer("read: cat >/dev/null", "cat", lambda job: f"cat {shlex.quote(job.source)} >/dev/null",
         makes_equal=False),
    Peer("hash: blkmove digest, all cores", "blkmove",
         lambda job: ["blkmove", "digest", job.source], makes_equal=False),
    Peer("cipher: ssh cat >/dev/null", "ssh", pipeline("<{source}", "cat >/dev/null"),
         makes_equal=False),
    Peer("write: cp", "cp", lambda job: ["cp", job.source, job.target]),
]
