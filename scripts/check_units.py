#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Compiles every header of core, nodes and plugins alone that no source includes first, and runs clang-tidy
over every source file, two processes at a time.

usage: check_units.py headers|tidy BUILD-DIRECTORY [FILE...]    (default: all C++ files git knows)
       check_units.py --self-test

Flags come from BUILD-DIRECTORY/compile_commands.json; a header takes those of the nearest source. What
passed is remembered in .cache/lint by a hash of the flags, the file and all files of ours that it
includes, so that only what changed is checked again.

clang-tidy reads the standard library, Abseil and DPDK anew for every translation unit, which is most of its
time. So sources are checked several in one unit, with the flags of all of them; one that fails is halved
until it is one source, and what is said is said of that alone. By itself it would also walk all of that with
every check: scripts/tidy/own_code.cc keeps it from that where LLVM's headers are.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap

from check_includes import INCLUDE, ROOT, tracked_files
from units import ENTRIES, names_of, units_of

CACHE = ROOT / ".cache" / "lint"
UNIT, UNIT_OF_TESTS = 16, 9  # sources in one translation unit of clang-tidy's
LLVM = [ROOT / "build" / "unpacked" / "usr" / folder
        for folder in ("lib/llvm-14/include", "include/llvm-14", "include/llvm-c-14")]


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


def what_tidy_needs(flags):
    """Of a compiler's flags those that say what a source means: where headers are, and macros. The version of a plugin
    and the names of libraries that are being built say nothing."""
    kept = []
    words = iter(flags)
    for word in words:
        if word in ("-isystem", "-include"):
            kept.append((word, next(words)))
        elif word.startswith(("-D", "-I", "-march", "-std")) and not re.match(r"-DWEFT_PLUGIN_VERSION=|-D\w+_EXPORTS$", word):
            kept.append((word,))
    return kept


def agree(flags, others):
    """Whether no macro is one thing here and another there."""
    def macros(both):
        return dict(word[2:].partition("=")[::2] for word, *_ in both if word.startswith("-D"))
    ours = macros(others)
    return all(ours.get(name, value) == value for name, value in macros(flags).items())


def tidy_units(paths, flags):
    """Sources of which no two contradict each other, as many in a unit as can be."""
    groups = []
    for path in paths:
        tests, needs = path.endswith("_test.cc"), what_tidy_needs(flags[path])
        # What is for tests and benchmarks has names of its own for much that core has.
        room = "bench/support" if path.startswith("bench/support/") else path.split("/")[0]
        kind = (room, tests, "-DGTEST_HAS_PTHREAD=1" in flags[path], [need for need in needs if need[0] == "-include"])
        for group in groups:
            if group[0] == kind and agree(needs, group[1]):
                group[1].extend(need for need in needs if need not in group[1])
                group[2].append(path)
                break
        else:
            groups.append((kind, needs, [path]))
    for _, needs, group in groups:
        for path in group:
            flags[path] = [word for need in needs for word in need]
    return [unit for (_, tests, *_), _, group in groups
            for unit in units_of(group, UNIT_OF_TESTS if tests else UNIT, entries=False)]


def mark_of(path, flags):
    """The file whose being there says that this file, as it is, has passed."""
    content = hashlib.sha256(repr(flags).encode())
    files = {".clang-tidy"}
    closure(path, files)
    for file in sorted(files):
        content.update(file.encode() + b"\0" + (ROOT / file).read_bytes())
    return CACHE / content.hexdigest()


def compile_alone(paths, flags):
    # As the only line of an empty source, for #pragma once objects to being the main file.
    (path,) = paths
    return subprocess.run(["g++", *flags, "-Werror", "-fsyntax-only", "-include", path, "-x", "c++", "/dev/null"],
                          cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def own_code_only():
    """The options with which clang-tidy walks our code alone; none where it cannot be told."""
    if not all(folder.is_dir() for folder in LLVM):
        print("note: without LLVM's headers clang-tidy takes twice the time: scripts/setup unpacked-lint brings them")
        return []
    source = ROOT / "scripts" / "tidy" / "own_code.cc"
    plugin = CACHE / f"own-code-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}.so"
    if not plugin.exists():
        new = plugin.with_suffix(f".{os.getpid()}")
        subprocess.run(["g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-fno-rtti", "-w",
                        *(f"-isystem{folder}" for folder in LLVM), source, "-o", new], check=True)
        new.replace(plugin)
    return [f"--load={plugin}", "--checks=weft-own-code-only"]


def tidy(paths, flags, options):
    with tempfile.NamedTemporaryFile("w", dir=CACHE, suffix=".cc") as unit:
        for number, path in enumerate(paths):
            for name in sorted(set(ENTRIES.values()) & set(names_of(path))):
                unit.write(f"#undef {name}\n#define {name} {name}_{number}\n")
            unit.write(f'#include "{path}"\n')
        unit.flush()
        source = paths[0] if len(paths) == 1 else unit.name
        return subprocess.run(["clang-tidy", "--quiet", "--warnings-as-errors=*", *options, source, "--", *flags, "-w"],
                              cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def run(check, paths, flags, marks):
    """[(path, what was said of it)] of those that failed."""
    result = check(paths, flags)
    if result.returncode == 0:
        for path in paths:
            marks[path].touch()
        return []
    if len(paths) == 1:
        return [(paths[0], result.stdout + "\n".join(
            line for line in result.stderr.splitlines() if not re.match(r"\d+ warnings? ", line)))]
    half = len(paths) // 2
    failed = [one for part in (paths[:half], paths[half:]) for one in run(check, part, flags, marks)]
    if not failed:
        print("note: good, but not in one unit: " + " ".join(paths) + "\n" +
              "".join(re.findall(r".* error: .*\n", result.stdout)), end="", flush=True)
    return failed


def to_check(kind, flags, files):
    """{file: its flags} of what this kind of check is for."""
    if kind == "headers":
        # A header that its source includes first is compiled alone whenever the source is.
        proven = {first_included(source) for source in flags if (ROOT / source).is_file()}
        return {path: nearest(path, flags) for path in files
                if path.endswith(".h") and path not in proven and not path.startswith(("tests/", "bench/"))}
    for path in files:
        if path.endswith(".cc") and path not in flags:
            print(f"note: {path} is not built, so clang-tidy does not see it")
    return {path: flags[path] for path in files if path in flags}


def main(kind, build, *files):
    CACHE.mkdir(parents=True, exist_ok=True)
    flags = to_check(kind, compile_flags(pathlib.Path(build).resolve()), files or tracked_files())
    marks = {path: mark_of(path, [kind, *flags[path]]) for path in flags}
    new = [path for path in sorted(flags) if not marks[path].exists()]
    if kind == "tidy":
        check, units = functools.partial(tidy, options=own_code_only()), tidy_units(new, flags)
    else:
        check, units = compile_alone, [[path] for path in new]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda unit: run(check, unit, flags[unit[0]], marks), units):
            failed += len(found)
            for path, output in found:
                print(f"{path}:\n{output}", file=sys.stderr, flush=True)
    print(f"{kind}: {len(flags)} files, {len(new)} of them new in {len(units)} units, {failed} failed")
    return 1 if failed else 0


FAULTS = {  # file: (what is in it, [(line, check) that clang-tidy is to name])
    "tests/fault.h": ("""
        #pragma once
        #include <string>
        #include <utility>
        inline std::string Twice(std::string one) {
          const std::string moved = std::move(one);
          return moved + one;
        }
        template <typename T>
        struct wrong_name {};
        """, [(6, "bugprone-use-after-move"), (9, "readability-identifier-naming")]),
    "tests/fault.cc": ("""
        #include "tests/fault.h"
        typedef int Old;
        namespace {
        struct One {
          void Go() { const wrong_name<int> two; }
          enum { Two };
        };
        }  // namespace
        extern "C" {
        struct also_wrong {};
        }
        """, [(2, "modernize-use-using"), (6, "readability-identifier-naming"), (10, "readability-identifier-naming")]),
}


def self_test():
    """Whether clang-tidy finds the same, and what is there, walking everything and our code alone."""
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = {f"{path}:{line}: {check}" for path, (_, found) in FAULTS.items() for line, check in found}
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / ".clang-tidy").write_text((ROOT / ".clang-tidy").read_text())
        for path, (text, _) in FAULTS.items():
            file = pathlib.Path(folder) / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(text).lstrip())
        for options in [], own_code_only():
            output = subprocess.run(["clang-tidy", "--quiet", *options, "tests/fault.cc", "--", "-I.", "-std=c++20", "-w"],
                                    cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
            found = {f"{os.path.relpath(os.path.join(folder, path), folder)}:{line}: {check}" for path, line, check in
                     re.findall(r"^(\S+?):(\d+):\d+: \w+: .* \[([\w-]+)[],]", output, re.MULTILINE)}
            if found != wanted:
                print(f"clang-tidy {' '.join(options)} found\n  " + "\n  ".join(sorted(found)) + "\nand not\n  " +
                      "\n  ".join(sorted(wanted)))
                return 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test())
    if len(sys.argv) < 3 or sys.argv[1] not in ("headers", "tidy"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
