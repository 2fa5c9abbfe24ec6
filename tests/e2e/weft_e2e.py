# SPDX-License-Identifier: Apache-2.0
"""The stage of the end-to-end tests and of `make run`: weftd, containers and namespaces.

Everything here is a context manager that takes away what it made, processes, sockets, namespaces and
files, also when the test fails; every wait has an end. Standard library only, one thread besides a
reader for each container. The parts are in stage/.

    def two_containers():
        with Weftd(ports("web-1", "web-2")) as weft, \\
             Testpmd(weft.socket("web-1"), mac="02:00:00:00:00:11") as one, \\
             Testpmd(weft.socket("web-2"), mac="02:00:00:00:00:12") as two:
            ...
            equal(weft.port("web-2")["tx-packets"], two.stats()["rx-packets"], "delivered frames")

    if __name__ == "__main__":
        run(two_containers)
"""
import os
import signal
import sys
import time
import traceback

from stage.checks import (OutOfTime, Skip, at_least, equal, ordinary_user, require_program, require_root, skip,
                          wait_equal, wait_for)
from stage.container import MemifTestpmd, Testpmd, floating_lcores
from stage.machine import HugePages, Namespace
from stage.podman import Podman
from stage.process import Process
from stage.switch import BUILD, ROOT, Weftd, ports
from stage.terminal import Terminal
from stage.traffic import BROADCAST, RING, Ledger, Pair, drain, mac, static_ports

SKIPPED = 77  # the exit status that ctest takes for "skipped"
TIME_LIMIT = int(os.environ.get("WEFT_E2E_TIMEOUT", "240"))  # seconds for a whole test program


def _interrupted(number, _frame):
    signal.alarm(0)
    if number == signal.SIGALRM:
        raise OutOfTime(f"the test took longer than {TIME_LIMIT} s")
    raise KeyboardInterrupt(signal.Signals(number).name)


def interruptible(time_limit=0):
    """Makes SIGTERM, SIGHUP and the end of time_limit seconds unwind like Ctrl-C, so that every context
    manager still cleans up. SIGINT too: a shell starts its background jobs with it ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _interrupted)
    signal.alarm(time_limit)


def run(*tests):
    """Runs the test functions in turn and exits: 0 when all passed, 77 when all that did not pass were
    skipped, else 1."""
    interruptible(TIME_LIMIT)
    skipped = 0
    for test in tests:
        name, start = test.__name__.replace("_", " "), time.monotonic()
        try:
            test()
        except Skip as reason:
            skipped += 1
            print(f"skipped  {name}: {reason}", flush=True)
        except BaseException:  # OutOfTime and KeyboardInterrupt, too
            traceback.print_exc()
            print(f"FAILED   {name}", flush=True)
            sys.exit(1)
        else:
            print(f"passed   {name} ({time.monotonic() - start:.1f} s)", flush=True)
    sys.exit(SKIPPED if skipped else 0)
