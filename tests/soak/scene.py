# SPDX-License-Identifier: Apache-2.0
"""Where a row of bad days plays: weftd, two victims, ports for those who misbehave, and an account."""
import contextlib
import os
import pathlib
import statistics
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import weft_e2e as e2e  # noqa: E402  (the path comes first)
from child import Victims  # noqa: E402

# Numbers are those of the ports' addresses. The victims' bridge is everybody's.
VICTIMS, GUESTS, HOSTS = (1, 2), (3, 4), (5, 6)
HEAP_SLACK = 64  # KiB


def config(more="", victims=""):
    """The victims' and the guests' ports, and the hosts', which listen themselves. `victims`: more of each of theirs."""
    names = ("victim-a", "victim-b", "guest-a", "guest-b", "host-a", "host-b")
    text = e2e.static_ports(*names)
    head, hosts = text[:text.index('[[port]]\nname = "host-a"')], text[text.index('[[port]]\nname = "host-a"'):]
    for name in names[:2]:
        head = head.replace(f'name = "{name}"\n', f'name = "{name}"\n{victims}', 1)
    return head + hosts.replace('listen = "weft"', 'listen = "container"') + more


def percentile(values, percent):
    return round(sorted(values)[min(len(values) - 1, len(values) * percent // 100)], 2)


class Tally:
    """What came of a row: the interface between rows and the card is its JSON."""

    def __init__(self, name, says):
        self.name, self.says = name, says
        self.tried = self.survived = 0
        self.victims = {"sent": 0, "lost": 0, "corrupt": 0, "foreign": 0}
        self.leaks, self.figures, self.outages, self.targets, self.error = {}, {}, {}, {}, ""
        self.without, self.comparisons = {}, {}

    @contextlib.contextmanager
    def case(self):
        """A case that is survived if nothing is raised within."""
        self.tried += 1
        yield
        self.survived += 1

    def measured(self, what, seconds):
        """A time for the card; nothing is asserted about it."""
        self.figures.setdefault(what, []).append(seconds * 1000)

    def outage(self, what, seconds, target=None, without=None):
        """A time for which somebody had to wait for his frames or answer, and how long it may be at most. The card says
        whether it was; nothing is asserted here either. without: the same time when nothing was the matter."""
        self.outages.setdefault(what, []).append(seconds * 1000)
        if without is not None:
            self.without.setdefault(what, []).append(without * 1000)
        if target is not None:
            self.targets[what] = target * 1000

    def compared(self, what, before, during, percent):
        """Times in ms when nothing was the matter and while something was; their p99 may be so much longer then."""
        ours = self.comparisons.setdefault(what, {"before": [], "during": [], "percent": percent})
        ours["before"] += before
        ours["during"] += during

    def add(self, other):
        """The same row, played once more."""
        self.tried += other.tried
        self.survived += other.survived
        for what, count in other.victims.items():
            self.victims[what] += count
        for what, count in other.leaks.items():
            self.leaks[what] = max(self.leaks.get(what, 0), count)
        for mine, others in ((self.figures, other.figures), (self.outages, other.outages),
                             (self.without, other.without)):
            for what, values in others.items():
                mine.setdefault(what, []).extend(values)
        self.targets.update(other.targets)
        for what, theirs in other.comparisons.items():
            self.compared(what, **theirs)
        self.error = self.error or other.error

    def good(self):
        return not self.error and self.tried == self.survived > 0 and not any(self.leaks.values()) \
            and not any(count for what, count in self.victims.items() if what != "sent")

    def as_json(self):
        def short(values):
            return {"median-ms": round(statistics.median(values), 1), "max-ms": round(max(values), 1)}
        outages = {what: short(values) | {"times": len(values)} for what, values in self.outages.items()}
        for what, target in self.targets.items():
            def within(times):
                return sum(value <= target for value in times[what])
            outages[what] |= {"target-ms": target, "within": within(self.outages)}
            if what in self.without:
                outages[what] |= {"without": {"within": within(self.without), **short(self.without[what])}}
        compared = {what: {"before-p99-ms": percentile(both["before"], 99),
                           "during-p99-ms": percentile(both["during"], 99),
                           "times": [len(both["before"]), len(both["during"])], "more-percent": both["percent"]}
                    for what, both in self.comparisons.items() if both["before"] and both["during"]}
        return {"row": self.name, "says": self.says, "tried": self.tried, "survived": self.survived,
                "victims": self.victims, "leaks": self.leaks, "outages": outages, "compared": compared,
                "figures": {what: short(values) for what, values in self.figures.items()}, "error": self.error,
                "good": self.good()}

    @contextlib.contextmanager
    def guarded(self):
        """An exception becomes the row's error, and the next row gets its turn."""
        try:
            yield
        except (Exception, e2e.OutOfTime) as error:
            if isinstance(error, e2e.Skip):
                raise
            traceback.print_exc()
            self.error = f"{type(error).__name__}: {error}"[:500]


class Scene:
    """weftd and the victims, for one row or for many after each other."""

    def __init__(self, more="", victims="", **options):
        self._config, self._options = config(more, victims), options

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.weft = stack.enter_context(e2e.Weftd(self._config, **self._options))
            self.victims = stack.enter_context(Victims(
                [self.weft.socket("victim-a"), self.weft.socket("victim-b")], VICTIMS))
            self._stack = stack.pop_all()
        self.settled()
        return self

    def settled(self):
        """What there is now is what everything has to come back to. What is on its way out, such as the connection of
        the last request, is waited for."""
        self.baseline = None

        def at_rest():
            before, self.baseline = self.baseline, self.what_stays()
            return self.baseline == before
        e2e.wait_for(at_rest, "nothing comes or goes any more", interval=0.05)

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def what_stays(self):
        """Descriptors, mappings of what containers share, threads, and addresses."""
        return {"fds": self.weft.fds(), "maps": self.weft.memory_files(), "threads": self.threads(),
                "addresses": sorted(self.weft.addresses())}

    def threads(self):
        return len(os.listdir(f"/proc/{self.weft.pid}/task"))

    def heap(self):
        """KiB that weftd has allocated and not freed, of its own and of DPDK's. How much of the machine's memory it takes
        is more, and says less: what is free at the heap's end goes back or stays as it comes, by 400 KiB."""
        return sum(row["used"] for row in self.weft.ctl("show memory")) // 1024

    def settle(self, what):
        """Waits until everything is back at the baseline."""
        e2e.wait_equal(self.what_stays, self.baseline, f"what stays after {what}", timeout=20)

    def down(self, port):
        return self.weft.port(port)["state"] == "down"

    def wait_down(self, port):
        e2e.wait_for(lambda: self.down(port), f"port {port} down", interval=0.002)

    @contextlib.contextmanager
    def watch(self, tally):
        """Adds what happens to the victims, and what stays behind, to the tally."""
        before, drops = self.victims.counts(), self._victim_drops()
        self.victims.forget()
        try:
            yield
        finally:
            if self.weft.process.alive():
                self._account(tally, before, drops)

    def _account(self, tally, before, drops):
        after = self.victims.counts()
        for what in ("sent", "corrupt", "foreign"):
            tally.victims[what] += after[what] - before[what]
        # What the victims miss, and what weft says it dropped of theirs, must both be nothing.
        tally.victims["lost"] += max(after["lost"] - before["lost"], self._victim_drops() - drops)
        tally.measured("victims' longest round trip", after["longest-ms"] / 1000)
        now = {}

        def settled():
            now.update(self.what_stays())
            return now == self.baseline
        with contextlib.suppress(AssertionError):
            e2e.wait_for(settled, "everything is back", timeout=20)
        for what, then in self.baseline.items():
            left = sorted(set(now[what]) ^ set(then)) if what == "addresses" else now[what] - then
            tally.leaks[what] = len(left) if isinstance(left, list) else left

    def _victim_drops(self):
        return sum(count for (port, _, _), count in self.weft.drops().items() if port.startswith("victim"))

    @contextlib.contextmanager
    def flat_memory(self, tally):
        """weftd's own memory must not grow within; what came before has warmed it up."""
        before = self._heap_at_rest()
        yield
        tally.leaks["heap-kib"] = max(0, self._heap_at_rest() - before - HEAP_SLACK)

    def _heap_at_rest(self):
        """What is left when nothing waits for a worker any more: the least of a while."""
        readings = []
        for _ in range(20):
            time.sleep(0.01)
            readings.append(self.heap())
        return min(readings)


def now():
    return time.monotonic()
