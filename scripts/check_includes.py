#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Include directions: who may know whom.

    base <- sandbox, events, metrics
    base, sandbox, packet <- tenant
    base <- packet <- graph <- port, worker, stats, trace <- module, config, shell, plugin
    core <- nodes/<room> <- nodes/builtin.cc <- the programs;   core/sdk <- plugins/<name>

ROOMS says for each room what it may include besides itself; the room of a file is the longest prefix
that matches. Rooms that are not in the table, and includes that do not start at the root of the
repository, are errors too.

usage: check_includes.py [--self-test] [FILE...]    (default: all C++ files that git knows)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]

BASE = ["core/base/"]
PACKET = BASE + ["core/packet/"]
GRAPH = PACKET + ["core/graph/"]
# Rooms on one line of the drawing may know each other, but never in a circle: see the targets' DEPS.
MIDDLE = GRAPH + ["core/port/", "core/worker/", "core/stats/", "core/trace/"]
# What a plugin may see of core goes through the SDK.
SDK = MIDDLE + ["core/tenant/", "core/module", "core/config/", "core/shell/", "core/events/event.h"]
CORE = SDK + ["core/plugin/", "core/sandbox/", "core/events/", "core/metrics/"]
EVERYTHING = ["core/", "nodes/", "plugins/", "tests/", "bench/"]

ROOMS = {
    "core/base/": [],
    "core/sandbox/": BASE,
    "core/events/": BASE,
    "core/metrics/": BASE,
    "core/packet/": BASE,
    "core/tenant/": PACKET + ["core/sandbox/"],
    "core/graph/": PACKET,
    "core/port/": MIDDLE,
    "core/worker/": MIDDLE,
    "core/stats/": MIDDLE,
    "core/trace/": MIDDLE,
    "core/config/": CORE,
    "core/shell/": CORE,
    "core/replay/": CORE,
    "core/plugin/": SDK + ["core/sdk/"],  # the loader compares stamps
    "core/sdk/": SDK,
    # The files of core itself: module.h, and the programs, which alone see the list of modules.
    "core/": CORE,
    "core/main.cc": ["core/", "nodes/builtin.h"],
    "nodes/builtin.": ["core/", "nodes/"],
    "nodes/": CORE,
    "plugins/": ["core/sdk/"],
    "tests/": EVERYTHING,
    "bench/": EVERYTHING,
    "scripts/": [],
}
# In these folders each folder is a room of its own: it may not include its siblings.
FOLDERS_OF_ROOMS = ("nodes/", "plugins/")

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
THIRD_PARTY = ("absl/", "nlohmann/")  # their own documentation includes them with quotes


def room_of(path):
    """(the table's key for the file, the prefix of the file's own room); None if it has no room."""
    key = max((key for key in ROOMS if path.startswith(key)), key=len, default=None)
    if key is None:
        return None
    for folder in FOLDERS_OF_ROOMS:
        if key == folder:
            inside = path[len(folder):].split("/")
            return (key, folder + inside[0] + "/") if len(inside) > 1 else None
    return key, key


def exists(root, path):
    """Whether the file is there, or is written by CMake from one that is."""
    return (root / path).is_file() or (root / (path + ".in")).is_file()


def errors_of(root, path):
    """Error lines for one file; path is relative to root, with slashes."""
    room = room_of(path)
    if room is None:
        return [f"{path}:1: lies in no room that scripts/check_includes.py knows"]
    allowed = [room[1], *ROOMS[room[0]]]
    errors = []
    for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if match is None or match[1].startswith(THIRD_PARTY):
            continue
        target = match[1]
        if ".." in target.split("/") or not exists(root, target):
            errors.append(f'{path}:{number}: "{target}" is no file; write the path from the root')
        elif not any(target.startswith(prefix) for prefix in allowed):
            errors.append(f'{path}:{number}: {room[1]} must not include "{target}"')
        elif not target.endswith(".h"):
            errors.append(f'{path}:{number}: "{target}" is not a header')
    return errors


def check(root, paths):
    return [error for path in sorted(paths) for error in errors_of(root, path)]


def tracked_files():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.cc", "*.h"],
                            check=True, capture_output=True, text=True).stdout.splitlines()
    return [path for path in listed if (ROOT / path).is_file()]


def self_test():
    files = {
        "core/base/ids.h": "",
        "core/packet/packet.h": '#include "core/base/ids.h"\n#include "core/packet/pool.h"\n',
        "core/packet/pool.h": "#include <vector>\n",
        "core/graph/node.h": '#include "absl/status/status.h"\n#include "core/packet/packet.h"\n',
        "core/sdk/plugin.h": '#include "core/graph/node.h"\n',
        "core/module.h": '#include "core/graph/node.h"\n',
        "core/main.cc": '#include "nodes/builtin.h"\n#include "core/module.h"\n',
        "nodes/builtin.h": '#include "core/module.h"\n',
        "nodes/builtin.cc": '#include "nodes/builtin.h"\n#include "nodes/l2/fdb.h"\n',
        "nodes/l2/fdb.h": '#include "core/base/ids.h"\n',
        "nodes/l2/l2_switch.cc": '#include "nodes/l2/fdb.h"\n#include "core/graph/node.h"\n',
        "plugins/mac_guard/mac_guard.cc": '#include "core/sdk/plugin.h"\n',
        "tests/nodes/l2/fdb_test.cc": '#include "nodes/l2/fdb.h"\n',
    }
    wrong = {
        "core/base/a.h": '#include "core/packet/packet.h"\n',          # upwards
        "core/packet/b.h": '#include "core/graph/node.h"\n',           # upwards
        "core/graph/c.cc": '#  include "nodes/l2/fdb.h"\n',            # core never knows a node
        "core/module.cc": '#include "nodes/builtin.h"\n',              # only the program does
        "nodes/vhost/d.cc": '#include "nodes/l2/fdb.h"\n',             # rooms never include rooms
        "nodes/l2/e.cc": '#include "fdb.h"\n',                         # not from the root
        "nodes/l2/f.cc": '#include "nodes/l2/../l2/fdb.h"\n',          # not from the root
        "nodes/g.h": '#include "core/base/ids.h"\n',                   # in no room
        "core/graph/h.cc": '#include "tests/support/x.h"\n#include "core/base/ids.h"\n',  # a test
        "plugins/mac_guard/i.cc": '#include "core/graph/node.h"\n',    # past the SDK
        "plugins/other/j.cc": '#include "plugins/mac_guard/k.h"\n',    # another plugin
        "tests/l.cc": '#include "nodes/l2/l2_switch.cc"\n',            # not a header
        "elsewhere/m.h": "\n",                                         # in no room
    }
    there = {"tests/support/x.h": "", "plugins/mac_guard/k.h": ""}
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for path, text in {**files, **wrong, **there}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        unexpected = check(root, files)
        assert not unexpected, unexpected
        for path in wrong:
            found = check(root, [path])
            assert len(found) == 1 and found[0].startswith(f"{path}:1: "), (path, found)
    print(f"check_includes: {len(files)} right files and {len(wrong)} wrong ones told apart")


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
        return 0
    errors = check(ROOT, arguments or tracked_files())
    print("\n".join(errors), end="\n" if errors else "", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
