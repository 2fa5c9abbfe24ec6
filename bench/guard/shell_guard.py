#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Instructions of a worker a packet, while nobody asks anything and while clients ask everything: the same.

usage: shell_guard.py PROGRAM

callgrind counts what the worker of weft-guard-shell does with its vectors, and each thread by itself. It is a failure
if the count with commands is more than 0.1 % over the one without, or if another thread was counted.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.001
ANSWERS = 100  # it waits for three before each vector
SKIPPED = 77


def measure(program, how):
    """Instructions a packet, and the commands that were answered meanwhile."""
    with tempfile.TemporaryDirectory(prefix="weft-guard-") as folder:
        counts = pathlib.Path(folder) / "callgrind.out"
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--separate-threads=yes", "--fair-sched=try",
             f"--callgrind-out-file={counts}", program, how], capture_output=True, text=True, timeout=280)
        said = re.search(r"packets (\d+) answers (\d+)", result.stdout)
        if result.returncode != 0 or not said:
            sys.exit(f"shell_guard: {how}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
        found = [int(re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M)[1])
                 for path in pathlib.Path(folder).glob("callgrind.out-*")]
        counted = [count for count in found if count != 0]
        if len(counted) != 1:
            sys.exit(f"shell_guard: {how}: not one thread was counted, but {len(counted)} of {len(found)}")
        return counted[0] / int(said[1]), int(said[2])


def main():
    if shutil.which("valgrind") is None:
        print("shell_guard: valgrind is not installed")
        return SKIPPED
    alone, _ = measure(sys.argv[1], "alone")
    asked, answers = measure(sys.argv[1], "asked")
    print(f"alone {alone:.3f}, with {answers} commands {asked:.3f} instructions of the worker a packet")
    if answers < ANSWERS:
        print(f"shell_guard: only {answers} commands were answered meanwhile")
    return 1 if asked > alone * (1 + TOLERANCE) or answers < ANSWERS else 0


if __name__ == "__main__":
    sys.exit(main())
