# SPDX-License-Identifier: Apache-2.0
"""What weftd's first worker does besides moving packets: its system calls, its locks, the memory it asks for."""
import pathlib
import re
import shutil
import struct
import tempfile
import time

from .checks import equal, require_program, skip, wait_for
from .process import Process
from .switch import BUILD

CALL = re.compile(r"^(\d+\.\d+) (\w+)\((.*)")


class Trace:
    """strace on worker 0 of weftd, and on no other thread. Between each `begin()` and `end()` are calls that
    count; the worker's last ones, after that, show that strace sees any."""

    def __init__(self, weft):
        self._weft, self._file = weft, weft.scratch / "strace"
        self._begun, self._ended = [], []

    def __enter__(self):
        require_program("strace")
        self._strace = Process("strace", ["strace", "-ttt", "-o", self._file, "-p", worker_of(self._weft)])

        def attached():
            if "attached" in self._strace.log():
                return True
            if not self._strace.alive():
                skip(f"strace may not trace here: {self._strace.log()}")
            return False
        try:
            wait_for(attached, "strace is attached")
        except BaseException:
            self._strace.kill()
            raise
        return self

    def __exit__(self, *_):
        if self._strace.alive():
            self._strace.kill()

    def begin(self):
        self._begun.append(time.time())

    def end(self):
        self._ended.append(time.time())

    def calls(self):
        """Stops weftd; [(system call, descriptors that it is for)] from the only begin to its end."""
        calls, = self.all_calls()
        return calls

    def all_calls(self):
        """The same for each begin."""
        self._weft.stop()
        self._strace.wait(60)
        counted, later = [[] for _ in self._ended], []
        for line in self._file.read_text().splitlines():
            if match := CALL.match(line):
                at, name, arguments = float(match[1]), match[2], match[3]
                own = re.match(r"\d+", arguments) if name in ("read", "write", "epoll_wait") else None
                fds = [own[0]] if own else re.findall(r"\{fd=(\d+)", arguments)
                for begin, end, calls in zip(self._begun, self._ended, counted):
                    if begin <= at <= end:
                        calls.append((name, tuple(map(int, fds))))
                if at > self._ended[-1]:
                    later.append(name)
        equal("exit" in later, True, f"strace saw the worker's end, among {later}")
        return counted


def worker_of(weft):
    """The thread id of worker 0."""
    worker, = (thread for thread, fields in weft.threads().items() if fields["Name"] == "weft-w0")
    return worker


class Locks:
    """Counts the locks that each thread of a weftd takes, and how often it asks for memory or gives some back, which
    may take one, too. `environment` is that weftd's: a library stands before the C library's calls."""

    _ROWS, _ROW = 4096, struct.Struct("3q")  # as preload/count_locks.cc has them

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-locks-"))
        self._rows = self._folder / "rows"
        self._rows.write_bytes(bytes(self._ROWS))
        self.environment = {"LD_PRELOAD": str(BUILD / "tests" / "e2e" / "preload" / "count-locks.so"),
                            "WEFT_LOCKS": str(self._rows)}
        return self

    def __exit__(self, *_):
        shutil.rmtree(self._folder, ignore_errors=True)

    def of(self, thread):
        """(locks, memory) of this thread up to now."""
        rows = self._rows.read_bytes()
        whole = len(rows) // self._ROW.size * self._ROW.size
        return next(((locks, memory) for number, locks, memory in self._ROW.iter_unpack(rows[:whole])
                     if number == thread), (0, 0))
