#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What a storm of commands costs the frames: a run beside it by one beside processes that only burn just as much
CPU, pair by pair, in alternating order.

usage: storm.py [--pairs N] [--seconds S] [--share X]    (default: 7, 5, 0.4)

The storm: 8 clients that ask every `show` one after the other, one that opens 1,000 connections at a time, one
that asks and never reads, one that sends bytes at random. weft-load, which is both containers, has one core and the
worker the other. The storm and weftd's own threads besides the worker, or else as many processes that burn, have a
fixed share of weft-load's core, which both use up: so a control is as strong as a storm by construction. A pair of
which the foreign CPU differs by more than 5 % is thrown away all the same. Needs root, build/release/weftd and
weft-load.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import weft_e2e as e2e  # noqa: E402  (the path comes first)
from core_share import CoreShare  # noqa: E402

CLIENTS = 8
CONNECTIONS = 1_000
UNEQUAL = 0.05  # by how much the foreign CPU of a pair may differ
LEAST = 0.9  # of the control's rate
NICE = -20  # of the worker and weft-load: whatever else the machine does comes after them
GONE = (OSError, ValueError)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(path)
    return client


def ask_all(path, commands):
    """Every command, again and again. Says how many were answered when standard input ends."""
    lines = [json.dumps({"command": command}).encode() + b"\n" for command in commands]
    answered = 0
    while not ended():
        with contextlib.suppress(*GONE), connect(path) as client, client.makefile("rb") as answers:
            while not ended():
                for line in lines:
                    client.sendall(line)
                    answered += 1 if answers.readline().startswith(b'{"ok":true') else 0
    print(answered)


def crowd(path, _):
    while not ended():
        with contextlib.ExitStack() as stack, contextlib.suppress(*GONE):
            for _ in range(CONNECTIONS):
                stack.enter_context(connect(path))


def never_read(path, commands):
    line = json.dumps({"command": commands[0]}).encode() + b"\n"
    while not ended():
        with contextlib.suppress(*GONE), connect(path) as client:
            client.settimeout(0.1)
            while not ended():
                client.sendall(line * 100)


def junk(path, _):
    source = random.Random(1)
    while not ended():
        with contextlib.suppress(*GONE), connect(path) as client:
            client.settimeout(0.1)
            while not ended():
                client.sendall(source.randbytes(10_000))


def burn(_path, _):
    while not ended():
        for _ in range(10_000):
            pass


def ended():
    """Whether the one who started this process has let go of it."""
    return os.getppid() != PARENT or STOP.exists()


ROLES = {role.__name__: role for role in (ask_all, crowd, never_read, junk, burn)}
STORM = ["ask_all"] * CLIENTS + ["crowd", "never_read", "junk"]


class Foreign:
    """Processes of these roles within the share of a core, and what they and weftd's threads but the worker used."""

    def __init__(self, roles, weft, share, core, commands):
        self._roles, self._weft, self._share, self._core, self._commands = roles, weft, share, core, commands
        self._stop = weft.scratch / "stop"

    def __enter__(self):
        self._stop.unlink(missing_ok=True)
        self._processes = []
        path = str(self._weft.runtime_dir / "control.sock")
        for role in self._roles:
            process = subprocess.Popen(
                [sys.executable, "-B", __file__, "--role", role, path, str(self._stop), str(os.getpid()),
                 str(self._core), *self._commands], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self._processes.append(process)
            self._share.take(process.pid)
        return self

    def __exit__(self, *_):
        self._stop.touch()
        self.answered = 0
        for process in self._processes:
            try:
                self.answered += int(process.communicate(timeout=90)[0] or 0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def cpu(self):
        """Seconds: of the processes, of weftd's own threads."""
        return (sum(cpu_seconds(process.pid, process.pid) for process in self._processes),
                sum(cpu_seconds(self._weft.pid, thread) for thread in own_threads(self._weft)))


def own_threads(weft):
    return [thread for thread, fields in weft.threads().items() if fields["Name"] != "weft-w0"]


def cpu_seconds(pid, thread):
    """To the nanosecond; the ticks of .../stat are too coarse for so many threads."""
    return int(pathlib.Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) / 1e9


def field(weft, name):
    return int(re.search(rf"^{name}:\s+(\d+)", pathlib.Path(f"/proc/{weft.pid}/status").read_text(), re.M)[1])


def switches(weft):
    """How often the worker gave its core away of its own accord: whatever blocks does."""
    worker, = (fields for fields in weft.threads().values() if fields["Name"] == "weft-w0")
    return int(worker["voluntary_ctxt_switches"])


class Shell:
    """One connection for the whole run: a new one might find the crowd there."""

    def __init__(self, weft):
        self._lines = connect(str(weft.runtime_dir / "control.sock")).makefile("rw")

    def ask(self, command):
        self._lines.write(json.dumps({"command": command}) + "\n")
        self._lines.flush()
        return json.loads(self._lines.readline())["data"]

    def totals(self):
        """Frames that went out, and ticks that the worker spent on packets."""
        return (sum(row["tx-packets"] for row in self.ask("show ports")),
                sum(row["packets"] * row["cycles/packet"] for row in self.ask("show runtime")))


def measure(weft, shell, foreign, seconds):
    """Million frames a second, ticks a packet of the worker, and so on, of one run."""
    with foreign:
        time.sleep(1)
        slept, used, begin, (frames, ticks) = switches(weft), foreign.cpu(), time.monotonic(), shell.totals()
        time.sleep(seconds)
        used_now, (frames_now, ticks_now) = foreign.cpu(), shell.totals()
        length = time.monotonic() - begin
        theirs, own = ((now - before) / length for now, before in zip(used_now, used))
        run = {"rate": (frames_now - frames) / length / 1e6, "ticks": (ticks_now - ticks) / (frames_now - frames),
               "switches": switches(weft) - slept, "cpu": theirs + own, "own": own, "anon": field(weft, "RssAnon")}
    run["answered"] = foreign.answered
    return run


def summary(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def compare(weft, shell, options, runs):
    """Pairs of a storm and a control whose foreign CPU was the same, and how many there were in all."""
    pairs, tried = [], 0
    while len(pairs) < options.pairs and tried < 3 * options.pairs:
        kinds = list(runs) if tried % 2 == 0 else list(reversed(runs))
        pair = {kind: measure(weft, shell, runs[kind](), options.seconds) for kind in kinds}
        tried += 1
        if abs(pair["storm"]["cpu"] / pair["control"]["cpu"] - 1) <= UNEQUAL:
            pairs.append(pair)
    return pairs, tried


def report(pairs, tried, memory):
    print(f"{len(STORM)} processes; medians of {len(pairs)} pairs of {tried} (least to most):")
    for kind in ("storm", "control"):
        print(f"  {kind:8}", "; ".join(
            f"{name} {summary([pair[kind][key] for pair in pairs], digits)}" for name, key, digits in (
                ("Mpps", "rate", 2), ("ticks a packet", "ticks", 1), ("worker's own sleeps", "switches", 0),
                ("foreign CPU", "cpu", 3), ("weftd's of it", "own", 3), ("commands answered", "answered", 0),
                ("KiB of weftd's own", "anon", 0))))
    rates, ticks = ([pair["storm"][key] / pair["control"][key] for pair in pairs] for key in ("rate", "ticks"))
    print(f"  storm / control: rate {summary(rates, 3)}; ticks a packet {summary(ticks, 3)}")
    print(f"  weftd's own memory: {memory[0]} KiB before, {memory[1]} after all")
    return statistics.median(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--share", type=float, default=0.4)
    options = parser.parse_args()
    other, *_, core = sorted(os.sched_getaffinity(0))
    config = f'[workers]\ncores = [{core}]\nidle = "poll"\n' + e2e.ports("web-1", "web-2")
    with CoreShare(options.share) as share, e2e.Weftd(config) as weft:
        shown = [row["command"].split(" [")[0].replace(" NAME", " web-1") for row in weft.ctl("help")]
        commands = [words for words in shown if words.startswith("show ")] + ["show drops port web-1 last 20"]
        for command in commands:
            weft.ctl(command)
        length = 60 + 6 * options.pairs * (options.seconds + 5)
        load = e2e.Process("weft-load", ["nice", "-n", str(NICE), e2e.BUILD / "weft-load", f"--core={other}",
                                         f"--seconds={length:.0f}", weft.socket("web-1"), weft.socket("web-2")])
        try:
            weft.wait_up("web-1", "web-2")
            shell = Shell(weft)
            worker, = (thread for thread, fields in weft.threads().items() if fields["Name"] == "weft-w0")
            os.setpriority(os.PRIO_PROCESS, worker, NICE)
            for thread in own_threads(weft):
                os.sched_setaffinity(thread, {other})
            share.take(weft.pid, own_threads(weft))
            runs = {"storm": lambda: Foreign(STORM, weft, share, other, commands),
                    "control": lambda: Foreign(["burn"] * len(STORM), weft, share, other, [])}
            measure(weft, shell, runs["storm"](), 1)  # what the first time takes is kept
            before = field(weft, "RssAnon")
            pairs, tried = compare(weft, shell, options, runs)
            memory = before, field(weft, "RssAnon")
        finally:
            load.kill()
    if len(pairs) < options.pairs:
        sys.exit(f"storm.py: of {tried} pairs only {len(pairs)} had as much foreign CPU in both: this compares nothing")
    print(f"{len(commands)} commands, {options.share} of a core;", end=" ")
    sys.exit(report(pairs, tried, memory) < LEAST)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--role"]:
        name, PATH, stop, parent, on_core = sys.argv[2:7]
        STOP, PARENT = pathlib.Path(stop), int(parent)
        os.sched_setaffinity(0, {int(on_core)})
        ROLES[name](PATH, sys.argv[7:])
    else:
        e2e.interruptible()
        main()
