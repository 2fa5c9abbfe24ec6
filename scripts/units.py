#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Which sources can be compiled together, as one translation unit: those that give no name outside of
their classes and functions to two things. Most of a compiler's time, and nearly all of clang-tidy's, goes
into headers of the standard library, Abseil and DPDK, and is spent once a unit.

usage: units.py [--entries] MOST FILE...    (a line for each unit, at most MOST files in one; files absolute or from
the root; --entries: whoever includes them gives each of the ENTRIES a name of its own)
"""
import pathlib
import re
import sys

# What each plugin and each fuzz target defines, so that no two go into one program.
ENTRIES = {"WEFT_PLUGIN": "weft_plugin", "extern \"C\" int LLVMFuzzerTestOneInput": "LLVMFuzzerTestOneInput"}
ROOT = pathlib.Path(__file__).resolve().parents[1]


def names_of(source):
    """{name: what it is}: what a source declares outside of classes and functions, roughly. What this
    does not see, the compiler does."""
    names = {}
    for line in (ROOT / source).read_text(errors="replace").splitlines():
        line = re.sub(r"^\[\[.*?\]\]\s*", "", line)  # [[noreturn]]
        if match := re.match(r"using (?:[\w:]*::)?(\w+)", line):
            names[match[1]] = line  # may be said twice
        elif match := re.match(r"(?:class|struct|union|enum(?: class)?|#\s*define) (\w+)", line):
            names[match[1]] = source
        elif entry := next((name for start, name in ENTRIES.items() if line.startswith(start + "(")), None):
            names[entry] = source
        elif re.match(r"(?!namespace)[A-Za-z]", line) and (match := re.search(r"([\w:~]+)\s*(?:[(={;\[]|$)", line)):
            if "::" not in match[1] and not match[1].isupper():  # no member, and no macro like TEST
                names[match[1]] = source
    return names


def units_of(paths, most, entries=True):
    """Lists of at most so many of the paths, each for one unit, which has one of each ENTRIES unless it says otherwise."""
    units = []
    for path in paths:
        names = names_of(path)
        if not entries:
            names = {name: what for name, what in names.items() if name not in ENTRIES.values()}
        for unit, taken in units:
            if len(unit) < most and all(taken.get(name, what) == what for name, what in names.items()):
                unit.append(path)
                taken.update(names)
                break
        else:
            units.append(([path], names))
    return [unit for unit, _ in units]


if __name__ == "__main__":
    own = "--entries" in sys.argv
    most, *files = [word for word in sys.argv[1:] if word != "--entries"] or [""]
    if not most.isdigit() or not files:
        sys.exit(__doc__)
    for found in units_of(files, int(most), entries=not own):
        print(" ".join(found))
