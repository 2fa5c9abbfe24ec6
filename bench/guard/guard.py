#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Instructions a packet, path by path, against the committed baseline: no clock is involved.

usage: guard.py PROGRAM [--update]

callgrind counts what weft-guard does between two marks. A path that needs more than 3 % more than
baseline.json says is a failure, as is one that baseline.json does not know; --update writes the file
anew, for a commit that says why. A path that is to cost what another one does is compared with that.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BASELINE = pathlib.Path(__file__).with_name("baseline.json")
TOLERANCE = 0.03
# Features that a switch has and a port does not use are free.
FREE = {"no-feature-of-4-64": "container-to-container-64"}
FREE_TOLERANCE = 0.5  # instructions a packet; a first feature that does nothing is 14
SKIPPED = 77


def measure(program, path):
    """Instructions a packet."""
    with tempfile.TemporaryDirectory(prefix="weft-guard-") as folder:
        counts = pathlib.Path(folder) / "callgrind.out"
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={counts}",
             program, path], capture_output=True, text=True, timeout=600)
        packets = re.search(r"packets (\d+) received", result.stdout)
        if result.returncode != 0 or not packets:
            sys.exit(f"guard: {path}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
        total = re.search(r"^(?:summary|totals): (\d+)", counts.read_text(), re.M)
        return int(total[1]) / int(packets[1])


def main():
    program = sys.argv[1]
    if shutil.which("valgrind") is None:
        print("guard: valgrind is not installed")
        return SKIPPED
    paths = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    found = {path: round(measure(program, path), 1) for path in paths}
    if "--update" in sys.argv[2:]:
        BASELINE.write_text(json.dumps(found, indent=1) + "\n")
        print(f"guard: {BASELINE.name} is new")
        return 0
    known = json.loads(BASELINE.read_text())
    grown = []
    print(f"{'path':<32} {'baseline':>10} {'now':>10}   instructions a packet")
    for path, count in found.items():
        before = known.get(path)
        print(f"{path:<32} {before if before is not None else '-':>10} {count:>10}")
        if before is None or count > before * (1 + TOLERANCE):
            grown.append(path)
    gone = sorted(set(known) - set(found))
    if grown:
        print(f"guard: more than {TOLERANCE:.0%} over the baseline, or not in it: {', '.join(grown)}")
    if gone:
        print(f"guard: in the baseline, but no longer there: {', '.join(gone)}")
    dear = [path for path, other in FREE.items() if found[path] > found[other] + FREE_TOLERANCE]
    for path in dear:
        print(f"guard: {path} is to cost what {FREE[path]} does")
    return 1 if grown or gone or dear else 0


if __name__ == "__main__":
    sys.exit(main())
