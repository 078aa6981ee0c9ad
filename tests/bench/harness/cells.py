# SPDX-License-Identifier: BSD-3-Clause
"""The cells: one kind of I/O each, done for a short while on one contestant's path."""

import json
import os
import subprocess
import time
from dataclasses import dataclass

GIB = 1 << 30


@dataclass
class Sample:
    """What one round gave.  `rate' is in the cell's unit; `cpu' is the server's seconds for each million
    I/Os (4k cells) or each GiB (the others), None where nobody knows."""

    rate: float
    p50_us: float | None = None
    cpu: float | None = None


class Fio:
    """fio for a fixed time, over the whole file."""

    def __init__(self, name, title, rw, block, depth, jobs=1, direct=True):
        self.name, self.title = name, title
        self.rw, self.block, self.depth, self.jobs, self.direct = rw, block, depth, jobs, direct
        self.small = block < 65536
        self.unit = "k IOPS" if self.small else "MB/s"
        self.cpu_unit = "CPU s / million" if self.small else "CPU s / GiB"

    def command(self, contestant, seconds):
        engine = ["psync"] if self.depth == 1 else ["libaio", f"--iodepth={self.depth}"]
        return ["fio", f"--name={self.name}", f"--filename={contestant.path}", f"--rw={self.rw}",
                f"--bs={self.block}", f"--size={contestant.size}", f"--numjobs={self.jobs}",
                f"--direct={int(self.direct and contestant.direct)}", "--ioengine=" + engine[0], *engine[1:],
                "--time_based", f"--runtime={seconds}", "--thread", "--group_reporting",
                "--norandommap", "--randrepeat=0", "--fallocate=none", "--allow_file_create=0",
                "--invalidate=0", "--output-format=json"]

    def measure(self, contestant, seconds):
        before = contestant.cpu_seconds() if contestant.cpu_known else None
        done = subprocess.run(self.command(contestant, seconds), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        cpu = contestant.cpu_seconds() - before if before is not None else None
        if done.returncode:
            raise RuntimeError(f"fio on {contestant.name}: {done.stderr.strip() or done.stdout.strip()}")
        # fio prints notes before the JSON when it has any
        job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]
        side = job["write" if "write" in self.rw else "read"]
        work = side["total_ios"] / 1e6 if self.small else side["io_bytes"] / GIB
        return Sample(
            rate=side["iops"] / 1e3 if self.small else side["bw_bytes"] / 1e6,
            p50_us=side["clat_ns"]["percentile"]["50.000000"] / 1e3,
            cpu=cpu / work if cpu is not None and work else None)


class Dd:
    """dd bs=1M over the whole file, through the page cache."""

    unit = "MB/s"
    cpu_unit = "CPU s / GiB"
    small = False

    def __init__(self, name, title, write):
        self.name, self.title, self.write = name, title, write

    def command(self, contestant):
        count = f"count={contestant.size >> 20}"
        if self.write:
            return ["dd", "if=/dev/zero", f"of={contestant.path}", "bs=1M", count, "conv=notrunc,fsync"]
        return ["dd", f"if={contestant.path}", "of=/dev/null", "bs=1M", count]

    def measure(self, contestant, seconds):
        forget_pages(contestant)
        before = contestant.cpu_seconds() if contestant.cpu_known else None
        begin = time.monotonic()
        subprocess.run(self.command(contestant), stderr=subprocess.DEVNULL, check=True)
        elapsed = time.monotonic() - begin
        cpu = contestant.cpu_seconds() - before if before is not None else None
        return Sample(rate=contestant.size / elapsed / 1e6,
                      cpu=cpu / (contestant.size / GIB) if cpu is not None else None)


def forget_pages(contestant):
    """As on a fresh mount: the exposed file has no pages in the cache.  The backing keeps its own."""
    if not contestant.cpu_known and not contestant.direct:
        return  # the backing itself
    fd = os.open(contestant.path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def all_cells():
    cells = []
    for rw, what in (("randread", "read"), ("randwrite", "write")):
        cells += [
            Fio(f"4k-{what}-qd1", f"4k random {what}, QD1", rw, 4096, 1),
            Fio(f"4k-{what}-qd32", f"4k random {what}, QD32", rw, 4096, 32),
            Fio(f"4k-{what}-2x16", f"4k random {what}, 2 jobs x QD16", rw, 4096, 16, jobs=2),
        ]
    for what in ("read", "write"):
        cells += [
            Fio(f"1m-{what}-qd1", f"1 MiB sequential {what}, QD1", what, 1 << 20, 1),
            Fio(f"1m-{what}-qd8", f"1 MiB sequential {what}, QD8", what, 1 << 20, 8),
        ]
    return cells + [
        Fio("4k-write-buffered", "4k random write, buffered", "randwrite", 4096, 1, direct=False),
        Dd("dd-read", "dd bs=1M, buffered read", False),
        Dd("dd-write", "dd bs=1M conv=fsync, buffered write", True),
        Fio("disk-4k-read-qd1", "4k random read from the disk, QD1", "randread", 4096, 1),
        Fio("disk-4k-read-qd32", "4k random read from the disk, QD32", "randread", 4096, 32),
    ]
