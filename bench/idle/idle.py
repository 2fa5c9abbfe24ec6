#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What weftd costs while its containers are silent: percent of a core, of the worker and of all threads.

usage: idle.py [--containers N] [--seconds S] [--rounds N]    (default: 100, 5, 5)

The modes take turns; medians, with the least and the most. Needs build/release/weftd and weft-silent.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import weft_e2e as e2e  # noqa: E402  (the path comes first)

MODES = ("adaptive", "interrupt", "poll")
TICK = os.sysconf("SC_CLK_TCK")


def seconds_of(stat):
    """CPU seconds, user and system, that a stat file of /proc says."""
    fields = pathlib.Path(stat).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def used(weft):
    """CPU seconds of the worker, and of the whole process."""
    tasks = pathlib.Path(f"/proc/{weft.pid}/task").iterdir()
    worker, = (task for task in tasks if (task / "comm").read_text().strip() == "weft-w0")
    return seconds_of(worker / "stat"), seconds_of(f"/proc/{weft.pid}/stat")


def measure(mode, names, seconds):
    """(worker, process) in percent of a core."""
    core = max(os.sched_getaffinity(0))
    config = f'[workers]\ncores = [{core}]\nidle = "{mode}"\n' + e2e.ports(*names)
    with e2e.Weftd(config) as weft:
        silent = subprocess.Popen([e2e.BUILD / "weft-silent", *(weft.socket(name) for name in names)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            e2e.equal(silent.stdout.readline(), "attached\n", "answer of weft-silent")
            weft.wait_up(*names)
            time.sleep(0.5)
            begin, before = time.monotonic(), used(weft)
            time.sleep(seconds)
            after, length = used(weft), time.monotonic() - begin
        finally:
            silent.stdin.close()
            silent.wait(10)
        return tuple(100 * (now - then) / length for now, then in zip(after, before))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    names = [f"web-{number}" for number in range(options.containers)]
    found = {mode: [] for mode in MODES}
    for _ in range(options.rounds):
        for mode in MODES:
            found[mode].append(measure(mode, names, options.seconds))
    print(f"{options.containers} silent containers, percent of a core, median of {options.rounds} "
          "(least to most):")
    for mode, figures in found.items():
        cells = [f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
                 for values in zip(*figures)]
        print(f"  {mode:10} worker {cells[0]}, process {cells[1]}")


if __name__ == "__main__":
    e2e.interruptible()
    main()
