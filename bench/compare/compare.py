#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""weft and other switches under the same load, in one run: `make compare`.

A round is one case, mostly a size: all switches one after the other, and while one is measured the others
are stopped. A round counts if the time of a cache line from core to core and back was the same (within
25 %) around all of its cells. Figures are medians of the rounds that count, with the least and the most.

With --nic the first of the two ports is a NIC, DPDK's net_memif, and a case is a size and a direction.

Writes OUTPUT.json (everything), OUTPUT.md (the table) and OUTPUT.svg (the plot).
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

import report
import switches

ROOT = pathlib.Path(__file__).resolve().parents[2]
HUGE_PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
WANTED_PAGES = 1024
FLIP = 1.25  # more than this between two round trips of a round: it does not count


@contextlib.contextmanager
def huge_pages():
    """Enough 2 MiB pages, and hugetlbfs at /dev/hugepages; as it was before at the end."""
    before = int(HUGE_PAGES.read_text())
    mounted = any(line.split()[1:3] == ["/dev/hugepages", "hugetlbfs"]
                  for line in pathlib.Path("/proc/mounts").read_text().splitlines())
    try:
        if before < WANTED_PAGES:
            HUGE_PAGES.write_text(str(WANTED_PAGES))
            if int(HUGE_PAGES.read_text()) < WANTED_PAGES:
                raise RuntimeError(f"cannot get {WANTED_PAGES} huge pages of 2 MiB")
        if not mounted:
            os.makedirs("/dev/hugepages", exist_ok=True)
            subprocess.run(["mount", "-t", "hugetlbfs", "none", "/dev/hugepages"], check=True)
        yield
    finally:
        if not mounted:
            subprocess.run(["umount", "/dev/hugepages"], stderr=subprocess.DEVNULL)
        HUGE_PAGES.write_text(str(before))


class Bench:
    def __init__(self, options):
        self.options = options
        self.load = options.build / "weft-load"

    def run_load(self, words, prefix=()):
        result = subprocess.run([*prefix, self.load, *words], capture_output=True, text=True,
                                timeout=60 + 4 * self.options.seconds, start_new_session=True,
                                preexec_fn=switches.before_others)
        if result.returncode != 0:
            raise RuntimeError(f"weft-load {' '.join(map(str, words))}: {result.stderr.strip()}")
        return json.loads(result.stdout)

    def round_trip(self):
        cores = f"--round_trip={self.options.core},{self.options.load_core}"
        return self.run_load([cores])["round_trip_ticks"]

    def cases(self):
        """{what a row is called: (size of its frames, who sends)}."""
        if self.options.nic:
            return {f"{size} B, {way}": (size, senders) for size in self.options.sizes for way, senders in
                    (("NIC to container", "first"), ("container to NIC", "second"))}
        senders = "first" if self.options.one_way else "both"
        return {f"{size} B": (size, senders) for size in self.options.sizes}

    def cell_words(self, case):
        size, senders = self.cases()[case]
        return [f"--core={self.options.load_core}", f"--size={size}", f"--work={self.options.work}",
                f"--seconds={self.options.seconds}", f"--flows={self.options.flows}",
                f"--ring={self.options.ring}", f"--senders={senders}"]

    def cell(self, switch, case):
        """{frames a second, round trips before and after} of one switch in one case."""
        before = self.round_trip()
        more = [] if switch.prefix else ["--huge", f"--nic_queues={switch.nic_queues}"]
        with self.at_work(switch):
            result = self.run_load([*self.cell_words(case), *more, *switch.ports], switch.prefix)
        return {"frames_per_second": result["total"]["frames_per_second"],
                "round_trips": [before, self.round_trip()]}

    def ceiling(self, case):
        before = self.round_trip()
        result = self.run_load([*self.cell_words(case), "--huge", f"--null_core={self.options.core}"])
        return {"frames_per_second": result["total"]["frames_per_second"],
                "round_trips": [before, self.round_trip()]}

    def round(self, running, case):
        """{switch: cell}: all switches in one case, one after the other, the others stopped."""
        cells = {switch.name: self.cell(switch, case) for switch in running}
        if not self.options.nic:
            cells["null-switch"] = self.ceiling(case)
        return cells

    @contextlib.contextmanager
    def at_work(self, switch):
        """While it is a switch's turn."""
        if self.options.nic:
            # A new one for every cell: DPDK 22.11's net_memif unmaps the rings of a peer that leaves, and a
            # thread that polls them just then is gone, in any switch.
            with switch:
                yield
            return
        switch.pause(False)
        yield
        switch.pause(True)

    @contextlib.contextmanager
    def all_running(self, folder):
        """All switches, started and then stopped in their tracks until it is their turn."""
        with contextlib.ExitStack() as stack:
            running = []
            for name in self.options.switches:
                running.append(switches.ALL[name](name, folder, self.options.core, self.options.load_core,
                                                  self.options.nic))
                if not self.options.nic:
                    stack.enter_context(running[-1])
                    running[-1].pause(True)
            yield running


def counts(cells):
    """Whether the machine was the same one from the beginning to the end of a round."""
    return report.flip(cells) <= FLIP


def summarise(rounds):
    """The cells of the rounds of one case that count, as figures."""
    good = [cells for cells in rounds if counts(cells)]
    trips = [trip for cells in good for cell in cells.values() for trip in cell["round_trips"]]
    figures = {"rounds": len(good), "discarded": len(rounds) - len(good), "switches": {},
               "round_trip_ticks": statistics.median(trips) if trips else None}
    for name in (good[0] if good else {}):
        rates = [cells[name]["frames_per_second"] for cells in good]
        figures["switches"][name] = {"median": statistics.median(rates), "least": min(rates),
                                     "most": max(rates)}
        # The ratio of each round, not of medians: noise that lasts a round falls out.
        for base in (good[0] if name == report.first_of_ours(good[0]) else ()):
            ratios = [cells[name]["frames_per_second"] / cells[base]["frames_per_second"]
                      for cells in good]
            figures.setdefault("weft_over", {})[base] = statistics.median(ratios)
    return figures


def about(options):
    cpu = next((line.split(":", 1)[1].strip() for line in
                pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True).stdout.strip()
    versions = {name: switches.ALL[name](name, "/nonexistent", 0, 1).version()
                for name in options.switches}
    return {"cpu": cpu, "cores": os.cpu_count(), "kernel": os.uname().release, "commit": commit,
            "date": datetime.date.today().isoformat(), "versions": versions, "work": options.work,
            "seconds": options.seconds, "flows": options.flows, "ring": options.ring, "nic": options.nic,
            "one_way": options.one_way or options.nic}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=["64", "512", "1500"])
    parser.add_argument("--switches", type=lambda text: text.split(","))
    parser.add_argument("--rounds", type=int, default=5, help="that count, for each size")
    parser.add_argument("--seconds", type=float, default=2, help="of measuring, for each cell")
    parser.add_argument("--work", choices=["none", "read"], default="none",
                        help="read: receivers read every byte")
    parser.add_argument("--flows", type=int, default=1)
    parser.add_argument("--ring", choices=["split", "packed", "packed-in-order"], default="split",
                        help="of the containers; a switch must offer it")
    parser.add_argument("--one-way", action="store_true")
    parser.add_argument("--nic", action="store_true", help="a NIC and a container, each direction by itself")
    parser.add_argument("--core", type=int, default=0, help="of the switch")
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "compare")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make compare: needs root, for huge pages, namespaces and packet sockets")
    known = [name for name, switch in switches.ALL.items() if switch.takes_nic or not options.nic]
    options.switches = options.switches or [name for name in known if switches.ALL[name].by_default]
    unknown = [name for name in options.switches if name not in known]
    if unknown:
        sys.exit(f"make compare: no switch {', '.join(unknown)}; there are {', '.join(known)}")
    switches.Weft.build = options.build
    bench = Bench(options)
    rounds = {case: [] for case in bench.cases()}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-compare-"))
    try:
        with huge_pages(), bench.all_running(folder) as running:
            for number in range(1, 4 * options.rounds + 1):
                for case, so_far in rounds.items():
                    if sum(map(counts, so_far)) < options.rounds:
                        so_far.append(bench.round(running, case))
                        print(report.line(number, case, so_far[-1]), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = {"about": about(options), "rounds": rounds,
               "cases": {case: summarise(of_case) for case, of_case in rounds.items()}}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    options.output.with_suffix(".md").write_text(report.table(results))
    options.output.with_suffix(".svg").write_text(report.plot(results))
    print(report.table(results))


if __name__ == "__main__":
    main()
