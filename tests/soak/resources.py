# SPDX-License-Identifier: Apache-2.0
"""Rows in which the machine has no more: calls that fail, descriptors, huge pages; and a clock that jumps."""
import contextlib
import json
import mmap
import os
import pathlib
import re
import signal
import tempfile

import scene
from front_end import Guest
from scene import GUESTS, e2e

LIBRARY = e2e.BUILD / "fail-nth.so"
GROUPS = ("memory", "map", "descriptor", "thread", "file")  # in the order of fail_nth.cc
NEVER = -1


class Plan:
    """The file that fail_nth.cc reads: which call of weftd is to fail, and how wrong its clock is."""
    _GROUP, _LEFT, _FAILED, _CLOCK, _CLOCK_READ, _CALLS = range(6)

    def __init__(self):
        if not LIBRARY.exists():
            e2e.skip(f"{LIBRARY} is not built here")

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="weft-soak-")
        path = pathlib.Path(self._folder.name) / "plan"
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)
        self._words = memoryview(self._map).cast("q")
        self.environment = {"LD_PRELOAD": str(LIBRARY), "WEFT_PLAN": str(path)}
        self.fail(NEVER, 0)
        return self

    def __exit__(self, *_):
        self._words.release()
        self._map.close()
        self._folder.cleanup()

    def fail(self, group, number):
        """The number-th call from now on of this group is to fail."""
        self._words[self._GROUP] = NEVER
        self._words[self._FAILED] = 0
        self._words[self._LEFT] = number
        self._words[self._GROUP] = group

    def failed(self):
        return self._words[self._FAILED]

    def calls(self):
        """How many calls there have been, by group."""
        return list(self._words[self._CALLS:self._CALLS + len(GROUPS)])

    def set_clock(self, seconds):
        self._words[self._CLOCK] = seconds

    def clock_read(self):
        return self._words[self._CLOCK_READ]


_DPDK_PANICS = re.compile(r"PANIC in \w+\(\):\s*\w+")


def _sentence(text):
    """What weftd says of its end."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _start(plan, folder):
    """Starts weftd and ends it as soon as it is ready: (exit status, what it said)."""
    config = folder / "startup.conf"
    config.write_text(f'[weft]\nruntime-dir = "{folder}/run"\n[workers]\ncores = [{max(os.sched_getaffinity(0))}]\n'
                      f'[dpdk]\neal = ["--no-huge"]\n[[bridge]]\nname = "default"\n' + e2e.ports("web-1", "web-2"))
    process = e2e.Process("weftd", [e2e.BUILD / "weftd", config], plan.environment)
    try:
        e2e.wait_for(lambda: not process.alive() or "ready; the shell" in process.log(), "weftd starts or says why not",
                     timeout=120, interval=0.005)
        process.send_signal(signal.SIGTERM)
        return process.wait(60), process.log()
    finally:
        if process.alive():
            process.kill()


def _check_start(plan, group, number):
    with tempfile.TemporaryDirectory(prefix="weft-soak-") as scratch:
        folder = pathlib.Path(scratch)
        plan.fail(GROUPS.index(group), number)
        status, said = _start(plan, folder)
        what = f"weftd whose {group} call {number} of its start fails"
        if plan.failed() == 0:
            e2e.equal(status, 0, f"{what} not, after all: {said}")
            return
        if status == 0:
            return  # it goes without
        if status == -signal.SIGABRT and _DPDK_PANICS.search(said):
            return  # a thread of DPDK's own that cannot begin aborts (rte_panic); it says why
        if status == -signal.SIGSEGV and _sentence(said).endswith("weftd: stopped"):
            return  # at exit DPDK's mlx5 takes back the driver that it could not announce (rte_pci_unregister)
        e2e.equal(status, 1, f"the exit status of {what}, which said: {said[-200:]}")
        e2e.equal(_sentence(said) != "", True, f"{what} says why")
        left = [str(path) for path in folder.rglob("*") if path.is_socket()]
        e2e.equal(left, [], f"sockets that {what} leaves")


def starts(tally, count, dice):
    """weftd starts while the n-th call of a group fails: `count` of them of each group, or all there are."""
    with Plan() as plan:
        with tempfile.TemporaryDirectory(prefix="weft-soak-") as scratch:
            e2e.equal(_start(plan, pathlib.Path(scratch))[0], 0, "exit status when nothing fails")
        every = dict(zip(GROUPS, plan.calls()))
        tally.says += f"; {min(count, every['memory']):,} of {every['memory']:,} allocations"
        for group, calls in every.items():
            for number in sorted(dice.sample(range(1, calls + 1), min(count, calls))):
                with tally.case():
                    _check_start(plan, group, number)


STEP = 5  # of the calls of other kinds than vhost, only one in so many in short


@contextlib.contextmanager
def _every_kind(plan):
    """A stage on which ports of each kind can be added, and what `port add` says for them: {kind: settings}."""
    kinds = {"vhost": "vhost", "dpdk": "dpdk device=net_null0,no-rx=1"}
    with contextlib.ExitStack() as stack:
        more, load = "", []
        if (e2e.BUILD / "plugins" / "memif.so").exists():
            load.append("memif")
            kinds["memif"] = "memif"
        if (e2e.BUILD / "plugins" / "tap.so").exists() and os.geteuid() == 0:
            space = stack.enter_context(e2e.Namespace("soak", alone=True))
            load.append("tap")
            kinds["tap"] = f"tap netns={space.name} interface=brief"
            # Who has such a port from the start keeps the rights that one needs.
            more = (f'[[port]]\nname = "steady"\nbridge = "default"\nmac = "{e2e.mac(9)}"\n'
                    f'tap = {{ netns = "{space.name}" }}\n')
        plugins = f'[plugins]\ndirectory = "{e2e.BUILD / "plugins"}"\nload = {json.dumps(load)}\n'
        stage = stack.enter_context(scene.Scene(plugins + more, environment=plan.environment))
        yield stage, kinds


def ports_added(tally, count, dice, step=STEP):
    """A port of each kind is added while the n-th call of a group fails, for every n that there is: it is there, or
    nothing of it is. step: of other kinds than vhost one call in so many."""
    with Plan() as plan, _every_kind(plan) as (stage, kinds):
        for settings in kinds.values():  # what the first of its kind brings with it stays for the next
            stage.weft.ctl(f"port add brief {settings}")
            stage.weft.ctl("port delete brief")
        stage.settled()
        with stage.watch(tally):
            for _ in range(count):
                for kind, settings in kinds.items():
                    for group in range(len(GROUPS)):
                        for number in range(1, 50_000, 1 if kind == "vhost" else step):
                            with tally.case():
                                if not _check_port_added(plan, stage, kind, settings, group, number):
                                    break


def ports_added_in_full(tally, count, dice):
    ports_added(tally, count, dice, step=1)


def _check_port_added(plan, stage, kind, settings, group, number):
    """False if there is no such call any more."""
    weft, what = stage.weft, f"a port of {kind} whose {GROUPS[group]} call {number} fails"
    plan.fail(group, number)
    try:
        reply = weft.request(f"port add brief {settings}")
    except (OSError, ValueError) as error:
        # The shell's own connection or answer may be what fails; the switch goes on.
        reply = {"ok": False, "error": f"the shell hangs up: {error}"}
    finally:
        failed = plan.failed()
        plan.fail(NEVER, 0)
    e2e.equal(weft.process.alive(), True, f"weftd lives on after {what}")
    there = "brief" in [row["name"] for row in weft.ctl("show ports")]
    if there and reply["ok"]:
        _use(weft, kind)  # whatever failed
        weft.ctl("port delete brief")
    elif there:
        weft.ctl("port delete brief")
        e2e.equal(reply["error"].startswith("the shell"), True, f"{what} is there and {reply}")
    else:
        e2e.equal((reply["ok"], reply["error"] != ""), (False, True), f"the answer about {what}")
    e2e.equal(weft.socket("brief").exists(), False, f"the socket of {what}")
    stage.settle(what)
    return bool(failed)


def _use(weft, kind):
    """The port is of use. One of memif waits for its peer, and says so."""
    if kind == "vhost":
        with Guest(weft.socket("brief"), 9, 1) as guest:
            guest.attach()
    elif kind == "memif":
        e2e.equal(weft.port("brief")["state"], "down", "state of a port of memif that waits")
    else:
        weft.wait_up("brief")


FEW = 64  # descriptors


def few_descriptors(tally, count, dice):
    """With 64 descriptors for everything, ports are added until one is refused, and go again."""
    with scene.Scene(prefix=["prlimit", f"--nofile={FEW}:{FEW}"]) as stage, stage.watch(tally):
        for _ in range(count):
            with tally.case():
                _fill_descriptors(stage)
            stage.settle("too few descriptors")


def _fill_descriptors(stage):
    weft, names, refusal = stage.weft, [], None
    while refusal is None and len(names) < FEW:
        name = f"more-{len(names)}"
        reply = weft.request(f"port add {name} vhost")
        if reply["ok"]:
            names.append(name)
        else:
            refusal = reply["error"]
    e2e.at_least(len(names), 1, "ports that descriptors suffice for")
    e2e.equal("Too many open files" in str(refusal), True, f"the refusal {refusal!r} says why")
    for name in names:
        weft.ctl(f"port delete {name}")


def clocks(tally, count, dice):
    """The wall clock jumps by years, to and fro, and a log line shows that weftd sees it."""
    with Plan() as plan, scene.Scene(environment=plan.environment) as stage, stage.watch(tally):
        for turn in range(count):
            with tally.case():
                plan.set_clock(dice.choice([-1, 1]) * dice.randrange(3600, 10 * 365 * 86400))
                read = plan.clock_read()
                stage.weft.ctl(f"port add brief vhost mac={e2e.mac(9)}")
                stage.weft.ctl("port delete brief")
                e2e.equal(plan.clock_read() > read, True, "weftd looks at the wrong clock for its log")
                before = stage.victims.counts()["received"]
                e2e.wait_for(lambda: stage.victims.counts()["received"] > before, "the victims go on")
                with Guest(stage.weft.socket("guest-a"), *GUESTS) as guest:
                    guest.attach()
                stage.wait_down("guest-a")
                stage.settle("a jump of the clock")


def huge_pages(tally, count, dice):
    """More memory is asked for than the machine has: weftd says so and does not start."""
    for _ in range(count):
        for text in ('memory = 1048576\n', 'eal = ["--socket-mem", "1048576"]\n'):
            with tally.case(), tempfile.TemporaryDirectory(prefix="weft-soak-") as scratch:
                config = pathlib.Path(scratch) / "startup.conf"
                config.write_text(f'[weft]\nruntime-dir = "{scratch}/run"\n[dpdk]\n{text}'
                                  '[[bridge]]\nname = "default"\n' + e2e.ports("web-1"))
                process = e2e.Process("weftd", [e2e.BUILD / "weftd", config])
                status = process.wait(60)
                e2e.equal((status, "[dpdk]" in process.log() or "DPDK" in process.log()), (1, True),
                          f"what weftd says of too few huge pages: {process.log()}")
                e2e.equal((pathlib.Path(scratch) / "run" / "control.sock").exists(), False, "a socket is left")
