#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Compiles every header alone that no source includes first, and runs clang-tidy over
every source file, two at a time.

usage: check_units.py headers|tidy BUILD-DIRECTORY [FILE...]    (default: all C++ files git knows)

Flags come from BUILD-DIRECTORY/compile_commands.json; a header takes those of the nearest source. What
passed is remembered in .cache/lint by a hash of the command, the file and all files of ours that it
includes, so that only what changed is checked again.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from check_includes import INCLUDE, ROOT, tracked_files

CACHE = ROOT / ".cache" / "lint"


def closure(path, seen):
    """Adds path and every file of ours that it includes to seen."""
    if path in seen or not (ROOT / path).is_file():
        return
    seen.add(path)
    for line in (ROOT / path).read_text(errors="replace").splitlines():
        if match := INCLUDE.match(line):
            closure(match[1], seen)


def compile_flags(build):
    """{source relative to ROOT: its compiler flags} from the compilation database."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        start = next(i for i, word in enumerate(words) if re.search(r"(\+\+|clang)(-\d+)?$", word)) + 1
        kept = words[start:words.index("-o")]
        flags[os.path.relpath(entry["file"], ROOT)] = kept
    return flags


def database_for_clang(build):
    """A folder with the compilation database less what clang refuses; g++'s warnings are its own business."""
    entries = json.loads((build / "compile_commands.json").read_text())
    for entry in entries:
        entry["command"] = entry["command"].replace(" -fno-gnu-unique", "")
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "compile_commands.json").write_text(json.dumps(entries))
    return CACHE


def nearest(path, flags):
    """The flags of the source that shares most of its path with this header."""
    def shared(source):
        return len(os.path.commonprefix([os.path.dirname(path) + "/", source]))
    return flags[max(sorted(flags), key=shared)]


def first_included(source):
    """The file that a source includes before anything else."""
    for line in (ROOT / source).read_text(errors="replace").splitlines():
        if re.match(r"\s*#\s*include", line):
            match = INCLUDE.match(line)
            return match and match[1]
    return None


def jobs(kind, build, files):
    flags = compile_flags(build)
    if kind == "headers":
        # A header that its source includes first is compiled alone whenever the source is.
        proven = {first_included(source) for source in flags if (ROOT / source).is_file()}
        for path in files:
            if path.endswith(".h") and path not in proven:
                # As the only line of an empty source, for #pragma once objects to being the main file.
                yield path, ["g++", *nearest(path, flags), "-Werror", "-fsyntax-only", "-include", path,
                             "-x", "c++", "/dev/null"]
    else:
        database = str(database_for_clang(build))
        for path in files:
            if path in flags:
                yield path, ["clang-tidy", "--quiet", "--warnings-as-errors=*", "--extra-arg=-w",
                             "-p", database, path]
            elif path.endswith(".cc"):
                print(f"note: {path} is not built, so clang-tidy does not see it")


def run(job):
    """(path, output if it failed)."""
    path, command = job
    content = hashlib.sha256(repr(command).encode())
    files = {".clang-tidy"}
    closure(path, files)
    for file in sorted(files):
        content.update(file.encode() + b"\0" + (ROOT / file).read_bytes())
    passed = CACHE / content.hexdigest()
    if passed.exists():
        return path, None
    result = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode == 0:
        passed.touch()
        return path, None
    return path, result.stdout + "\n".join(
        line for line in result.stderr.splitlines() if not re.match(r"\d+ warnings? ", line))


def main(kind, build, *files):
    CACHE.mkdir(parents=True, exist_ok=True)
    failed, number = 0, 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, output in pool.map(run, jobs(kind, pathlib.Path(build).resolve(), files or tracked_files())):
            number += 1
            if output is not None:
                failed += 1
                print(f"{path}:\n{output}", file=sys.stderr, flush=True)
    print(f"{kind}: {number} files, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("headers", "tidy"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
