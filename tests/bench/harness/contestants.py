# SPDX-License-Identifier: BSD-3-Clause
"""Who competes: each contestant is set up once, and offers a path for the cells' I/O.

All stand on the same backing file, whose page cache is warm, in small folios (see Backing).
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
SECTOR = 512


class Absent(Exception):
    """This contestant cannot be had here; the text says why."""


def run(*argv, **kwargs):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if done.returncode:
        raise Absent(f"{argv[0]}: {done.stdout.strip() or 'exit status %d' % done.returncode}")
    return done.stdout


def need(program):
    if not shutil.which(program):
        raise Absent(f"{program} is not installed")


def wait_for(condition, process, seconds=20):
    """Waits until CONDITION() is true; PROCESS must stay alive meanwhile."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise Absent(f"{process.args[0]} ended: {process.stderr.read().decode().strip()}")
        if time.monotonic() > end:
            raise Absent(f"{process.args[0]} does not get ready")
        time.sleep(0.01)


class Backing:
    """The file under all: SIZE bytes, in the page cache as folios of one page each.

    A page cache that was filled by large writes or readahead has large folios, whose 4 KiB overwrites
    are many times slower.  So the file is written, dropped from the cache and read in again in
    4 KiB steps without readahead.
    """

    def __init__(self, path, size):
        self.path, self.size = path, size
        block = os.urandom(1 << 20)
        with open(path, "wb", buffering=0) as f:
            for _ in range(size >> 20):
                f.write(block)
            os.fsync(f.fileno())
        fd = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
            for at in range(0, size, 4096):
                os.pread(fd, 4096, at)
        finally:
            os.close(fd)


class Contestant:
    """What the cells need to know: `path', and which processes serve it."""

    direct = True  # O_DIRECT in the cells that ask for it
    cpu_known = True
    cells = "4k-*,1m-*,dd-*"
    note = ""

    def __init__(self, name):
        self.name = name
        self.path = None
        self.size = None  # bytes that the cells use
        self.pids = []

    def begin(self, field):
        self.size = field.backing.size
        self.start(field)

    def cpu_seconds(self):
        """CPU time that the server's processes have used so far."""
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS


class File(Contestant):
    """The backing itself, buffered: without O_DIRECT, for that would measure the disk."""

    direct = False
    cpu_known = False
    note = "buffered: what the page cache gives"

    def start(self, field):
        self.path = field.backing.path


class Disk(File):
    """The backing itself by direct I/O: what the disk gives."""

    direct = True
    cells = "disk-*"
    note = ""


class Loop(Contestant):
    cpu_known = False  # it serves in kernel threads

    def start(self, field):
        need("losetup")
        if os.geteuid() != 0:
            raise Absent("only root may set up a loop device")
        self.path = run("losetup", "--find", "--show", field.backing.path).strip()
        field.at_end(run, "losetup", "--detach", self.path)


def null_device(path):
    with open(path, "w"):
        pass
    return path


class Mounted(Contestant):
    """A server that mounts on a file or directory."""

    def spawn(self, field, *argv):
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, start_new_session=True)
        field.at_end(stop, process)
        self.pids.append(process.pid)
        return process

    def mount(self, field, mountpoint, ready, *argv):
        process = self.spawn(field, *argv)
        field.at_end(unmount, mountpoint)
        wait_for(lambda: ready(mountpoint), process)


def stop(process):
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stderr.close()


def is_mounted(path):
    with open("/proc/self/mountinfo") as f:
        return any(line.split()[4] == path for line in f)


def unmount(path):
    for _ in range(100):
        if not is_mounted(path):
            return
        if subprocess.run(["umount", path], stderr=subprocess.DEVNULL).returncode and \
           subprocess.run(["fusermount3", "-u", path], stderr=subprocess.DEVNULL).returncode:
            time.sleep(0.05)
    subprocess.run(["fusermount3", "-uz", path])


class Qemu(Mounted):
    """QEMU's storage daemon: the raw driver with offset and size, over io_uring where it has it."""

    cache_direct = "off"

    def start(self, field):
        need("qemu-storage-daemon")
        mountpoint = null_device(field.place(self.name))
        try:
            self.serve(field, mountpoint, "io_uring")
        except Absent:
            self.serve(field, mountpoint, "threads")
            self.note = "aio=threads"
        self.path = mountpoint

    def serve(self, field, mountpoint, aio):
        self.pids.clear()
        size = field.backing.size
        self.mount(
            field, mountpoint, is_mounted, "qemu-storage-daemon",
            "--blockdev", f"driver=file,node-name=file,filename={field.backing.path},aio={aio},locking=off,"
                          f"cache.direct={self.cache_direct}",
            "--blockdev", f"driver=raw,node-name=disk,file=file,offset=0,size={size}",
            "--export", f"type=fuse,id=out,node-name=disk,mountpoint={mountpoint},writable=on")


class QemuDirect(Qemu):
    cache_direct = "on"
    cells = "disk-*"


class Nbd(Mounted):
    """nbdkit's file plugin, and nbdfuse with as many connections as it likes."""

    def start(self, field):
        need("nbdkit")
        need("nbdfuse")
        socket, mountpoint = field.place("nbd.sock"), null_device(field.place("nbd"))
        server = self.spawn(field, "nbdkit", "-f", "-U", socket, "file", field.backing.path)
        wait_for(lambda: os.path.exists(socket), server)
        self.mount(field, mountpoint, is_mounted, "nbdfuse", "-C", "4", mountpoint, "--unix", socket)
        self.path = mountpoint


class Floor(Mounted):
    """A FUSE server that answers from memory: tests/bench/floor.c."""

    options = ()

    def start(self, field):
        mountpoint = field.directory(self.name)
        self.mount(field, mountpoint, is_mounted, field.program("tests/bench/floor"),
                   *self.options, mountpoint, str(field.backing.size), *self.files(field))
        self.path = os.path.join(mountpoint, "floor")

    def files(self, field):
        return []


class FloorPolls(Floor):
    """The same, whose threads wait for requests as fusemap's workers do."""

    options = ("--poll",)


class Plain(Floor):
    """The same, that reads and writes the backing by one system call for each request."""

    def files(self, field):
        return [field.backing.path]


class Fusemap(Mounted):
    """A mapped device; TABLE(path, sectors) says of what.  One daemon serves all that have the same
    options."""

    daemons = {}  # options -> the first contestant that needed them, which started it
    options = ()

    def __init__(self, name, table, below=()):
        super().__init__(name)
        self.table, self.below = table, below
        self.mountpoint = self.socket = None

    def start(self, field):
        daemon = Fusemap.daemons.get(self.options)
        if daemon:
            self.pids, self.mountpoint, self.socket = daemon.pids, daemon.mountpoint, daemon.socket
        else:
            self.start_daemon(field)
            Fusemap.daemons[self.options] = self
        sectors = field.backing.size // SECTOR
        for name, table in (*self.below, (self.name, self.table)):
            self.create(field, name, table(field.backing.path, sectors))
        self.path = os.path.join(self.mountpoint, self.name)

    def start_daemon(self, field):
        self.mountpoint = field.directory("fusemap-" + self.name)
        self.socket = field.place(self.name + ".sock")
        self.mount(field, self.mountpoint, is_mounted, field.program("fusemap/fusemap"), "--foreground",
                   "--socket", self.socket, self.mountpoint, *self.options, *field.fusemap_options)

    def create(self, field, name, table):
        path = field.place("table")
        with open(path, "w") as f:
            f.write(table)
        run(field.program("ctl/fusemapctl/fusemapctl"), "create", name, path,
            env=os.environ | {"FUSEMAP_SOCKET": self.socket})


class Direct(Fusemap):
    """Around the page cache, in the daemon's own I/O too."""

    options = ("--direct",)
    cells = "disk-*"


class DirectIo(Fusemap):
    """Programs' I/O passes by the cache of the exposed file."""

    options = ("--direct-io",)
    cells = "dd-*"


def linear(path, sectors):
    return f"0 {sectors} linear {path} 0\n"


def linear_on(name):
    return lambda path, sectors: f"0 {sectors} linear {name} 0\n"


def striped(path, sectors):
    """The two halves of the backing, in chunks of 64 KiB."""
    return f"0 {sectors} striped 2 128 {path} 0 {path} {sectors // 2}\n"


class Segments(Fusemap):
    """A table of a million lines, of 4 KiB each: larger than the backing, which repeats in it."""

    COUNT = 1000000
    cells = "4k-*-qd*,4k-*-2x16"

    def __init__(self, name):
        super().__init__(name, self.lines)

    def start(self, field):
        super().start(field)
        self.size = self.COUNT * 4096

    def lines(self, path, sectors):
        # neighbours trade places, so that no two lines could be one
        return "".join(f"{at} 8 linear {path} {(at ^ 8) % sectors}\n" for at in range(0, self.COUNT * 8, 8))


def all_contestants():
    return [
        File("file"),
        Loop("loop"),
        Qemu("qemu"),
        Nbd("nbdfuse"),
        Floor("floor"),
        FloorPolls("floor-polls"),
        Plain("plain"),
        Fusemap("linear", linear),
        Fusemap("striped", striped),
        Fusemap("stack", linear_on("middle"), [("bottom", linear), ("middle", linear_on("bottom"))]),
        DirectIo("linear-direct-io", linear),
        Segments("segments"),
        Fusemap("zero", lambda path, sectors: f"0 {sectors} zero\n"),
        Disk("disk"),
        QemuDirect("qemu-direct"),
        Direct("linear-direct", linear),
    ]
