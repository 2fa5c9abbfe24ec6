# SPDX-License-Identifier: Apache-2.0
"""A fixed share of one core for chosen threads, by the cpu controller of cgroups: whoever is in it gets that share as
soon as they want it, and never more. Version 1 or 2 of cgroups, whichever has the controller."""
import os
import pathlib
import sys
import time

PERIOD = 10_000  # microseconds: short beside a run, long beside what a thread does in one go


def _mount(kind, option):
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, found, options, *_ = line.split()
        if found == kind and option in options.split(","):
            yield pathlib.Path(place)


class CoreShare:
    """share: of a core, 0.4 for example. Its cgroup is gone at the end, so the threads have to be, too."""

    def __init__(self, share):
        self._quota = int(PERIOD * share)
        self._made, self._enabled = [], None

    def __enter__(self):
        try:
            self._set_up()
        except OSError as error:
            self.__exit__()
            sys.exit(f"storm.py needs the cpu controller of cgroups, and root: {error}")
        return self

    def __exit__(self, *_):
        for group in reversed(self._made):
            for _ in range(100):  # what has just ended may still be in it
                try:
                    group.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                print(f"storm.py: {group} is left", file=sys.stderr)
        if self._enabled is not None:
            self._enabled.write_text("-cpu")

    def _make(self, group):
        group.mkdir()
        self._made.append(group)
        return group

    def _set_up(self):
        name = f"weft-storm-{os.getpid()}"
        for root in _mount("cgroup", "cpu"):
            self._procs, self._tasks = None, self._make(root / name) / "tasks"
            group = self._tasks.parent
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(self._quota))
            (group / "cpu.shares").write_text("262144")  # the most: nobody keeps it from its quota
            return
        for root in _mount("cgroup2", "rw"):
            if "cpu" not in (root / "cgroup.controllers").read_text().split():
                continue
            # Single threads can only be in a threaded cgroup, and the rest of their process in its parent
            # (Documentation/admin-guide/cgroup-v2.rst, Threads).
            if "cpu" not in (root / "cgroup.subtree_control").read_text().split():
                (root / "cgroup.subtree_control").write_text("+cpu")
                self._enabled = root / "cgroup.subtree_control"
            domain = self._make(root / name)
            (domain / "cpu.weight").write_text("10000")
            group = self._make(domain / "share")
            (group / "cgroup.type").write_text("threaded")
            (domain / "cgroup.subtree_control").write_text("+cpu")
            (group / "cpu.max").write_text(f"{self._quota} {PERIOD}")
            self._procs, self._tasks = domain / "cgroup.procs", group / "cgroup.threads"
            return
        raise OSError("no mounted hierarchy has it")

    def take(self, pid, threads=None):
        """Takes these threads of a process in, or all that it has."""
        if self._procs is not None:
            self._procs.write_text(str(pid))
        for thread in threads or os.listdir(f"/proc/{pid}/task"):
            self._tasks.write_text(str(thread))
