#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What a storm of commands costs the frames: a run beside it by one beside as many processes that only burn
just as much CPU, in turns.

usage: storm.py [--rounds N] [--seconds S] [--nice N]    (default: 5, 5, -15)

The storm: 8 clients that ask every `show` one after the other, one that opens 1,000 connections at a time, one
that asks and never reads, one that sends bytes at random. Foreign processes share a core with the generator;
weftd's worker has the other one. Both have a niceness of their own: the nearer to 0, the more of the
generator's core goes to the storm. Needs build/release/weftd and weft-load.
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

CLIENTS = 8
CONNECTIONS = 1_000
UNEQUAL = 0.2  # by how much the foreign CPU of two runs may differ
TICK = os.sysconf("SC_CLK_TCK")
GONE = (OSError, ValueError)


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(path)
    return client


def ask_all(path, commands):
    """Every command, again and again. Says how many were answered when standard input ends."""
    answered = 0
    while not ended():
        with contextlib.suppress(*GONE), connect(path) as client, client.makefile("rw") as lines:
            while not ended():
                for command in commands:
                    lines.write(json.dumps({"command": command}) + "\n")
                    lines.flush()
                    answered += 1 if json.loads(lines.readline())["ok"] else 0
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


def burn(_path, share):
    """Uses that share of a core, as far as it gets it."""
    begin = time.monotonic()
    while not ended():
        while time.process_time() < (time.monotonic() - begin) * float(share[0]):
            pass
        time.sleep(0.001)


def ended():
    """Whether the one who started this process has let go of it."""
    return os.getppid() != PARENT or STOP.exists()


ROLES = {role.__name__: role for role in (ask_all, crowd, never_read, junk, burn)}
STORM = ["ask_all"] * CLIENTS + ["crowd", "never_read", "junk"]


class Foreign:
    """Processes of these roles on one core, and what they and weftd's threads but the worker used."""

    def __init__(self, roles, weft, core, commands):
        self._roles, self._weft, self._core, self._commands = roles, weft, core, commands
        self._stop = weft.scratch / "stop"

    def __enter__(self):
        self._stop.unlink(missing_ok=True)
        self._processes = []
        path = str(self._weft.runtime_dir / "control.sock")
        for role in self._roles:
            self._processes.append(subprocess.Popen(
                [sys.executable, "-B", __file__, "--role", role, path, str(self._stop), str(os.getpid()),
                 str(self._core), *self._commands], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
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
        stats = [f"/proc/{process.pid}/stat" for process in self._processes]
        threads = pathlib.Path(f"/proc/{self._weft.pid}/task").iterdir()
        stats += [task / "stat" for task in threads if (task / "comm").read_text().strip() != "weft-w0"]
        return sum(cpu_seconds(stat) for stat in stats)


def cpu_seconds(stat):
    fields = pathlib.Path(stat).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


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


def measure(weft, shell, roles, core, commands, seconds):
    """Million frames a second, ticks a packet of the worker, and so on, of one run."""
    with Foreign(roles, weft, core, commands) as foreign:
        time.sleep(1)
        slept, used, begin, (frames, ticks) = switches(weft), foreign.cpu(), time.monotonic(), shell.totals()
        time.sleep(seconds)
        (frames_now, ticks_now), length = shell.totals(), time.monotonic() - begin
        run = {"rate": (frames_now - frames) / length / 1e6, "ticks": (ticks_now - ticks) / (frames_now - frames),
               "switches": switches(weft) - slept, "cpu": (foreign.cpu() - used) / length, "rss": field(weft, "VmRSS")}
    run["answered"] = foreign.answered
    return run


def summary(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--nice", type=int, default=-15)
    options = parser.parse_args()
    other, *_, core = sorted(os.sched_getaffinity(0))
    config = f'[workers]\ncores = [{core}]\nidle = "poll"\n' + e2e.ports("web-1", "web-2")
    found = {"storm": [], "control": []}
    with e2e.Weftd(config) as weft:
        shown = [row["command"].split(" [")[0].replace(" NAME", " web-1") for row in weft.ctl("help")]
        commands = [words for words in shown if words.startswith("show ")] + ["show drops port web-1 last 20"]
        for command in commands:
            weft.ctl(command)
        length = 60 + 2 * options.rounds * (options.seconds + 5)
        load = e2e.Process("weft-load", ["nice", "-n", str(options.nice), e2e.BUILD / "weft-load", f"--core={other}",
                                         f"--seconds={length:.0f}", weft.socket("web-1"), weft.socket("web-2")])
        try:
            weft.wait_up("web-1", "web-2")
            shell = Shell(weft)
            worker, = (thread for thread, fields in weft.threads().items() if fields["Name"] == "weft-w0")
            os.setpriority(os.PRIO_PROCESS, worker, options.nice)
            for _ in range(options.rounds):
                storm = measure(weft, shell, STORM, other, commands, options.seconds)
                found["storm"].append(storm)
                share = [str(storm["cpu"] / len(STORM))]
                found["control"].append(measure(weft, shell, ["burn"] * len(STORM), other, share, options.seconds))
        finally:
            load.kill()
    print(f"{len(commands)} commands, {len(STORM)} processes; medians of {options.rounds} rounds (least to most):")
    for kind, runs in found.items():
        print(f"  {kind:8}", "; ".join(
            f"{name} {summary([run[key] for run in runs], digits)}" for name, key, digits in (
                ("Mpps", "rate", 2), ("ticks a packet", "ticks", 1), ("worker's own sleeps", "switches", 0),
                ("foreign CPU", "cpu", 2), ("commands answered", "answered", 0), ("KiB resident", "rss", 0))))
    ratios = [storm["rate"] / control["rate"] for storm, control in zip(found["storm"], found["control"])]
    print(f"  storm / control: {summary(ratios, 3)}; KiB resident by storm: {[run['rss'] for run in found['storm']]}")
    used = [statistics.median(run["cpu"] for run in found[kind]) for kind in ("storm", "control")]
    if abs(used[1] / used[0] - 1) > UNEQUAL:
        sys.exit("storm.py: the control used another share of a core than the storm: this compares nothing")
    sys.exit(statistics.median(ratios) < 0.9)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--role"]:
        name, PATH, stop, parent, on_core = sys.argv[2:7]
        STOP, PARENT = pathlib.Path(stop), int(parent)
        os.sched_setaffinity(0, {int(on_core)})
        ROLES[name](PATH, sys.argv[7:])
    else:
        e2e.interruptible()
        main()
