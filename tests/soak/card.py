# SPDX-License-Identifier: Apache-2.0
"""docs/score-card.md, from the JSON that rows, the hostile suite and a fuzz run leave."""
import datetime
import json
import os
import pathlib
import re
import subprocess


def _machine():
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return (f"{os.cpu_count()} cores of {model[1] if model else 'a processor without a name'}, "
            f"{memory / 2**20:.0f} GiB, Linux {os.uname().release}")


def commit(root):
    result = subprocess.run(["git", "-C", root, "log", "-1", "--format=%h"], capture_output=True, text=True)
    return result.stdout.strip() or "no commit"


def _number(value):
    return f"{value:,}"


def _row(row):
    figures = "; ".join(f"{what} {value['median-ms']:g} ms (at most {value['max-ms']:g})"
                        for what, value in row["figures"].items()) or "none"
    leaks = ", ".join(f"{count} {what}" for what, count in row["leaks"].items() if count) or "0"
    victims = row["victims"]
    return (f"| {row['says']} | {_number(row['survived'])} of {_number(row['tried'])} | "
            f"{_number(victims['lost'] + victims['corrupt'])} of {_number(victims['sent'])} | "
            f"{victims['foreign']} | {leaks} | {figures} |")


def _rows(rows):
    head = ["| day | cases survived | victims' frames lost | frames they should not see | left behind | times: median (longest) |",
            "|---|---|---|---|---|---|"]
    return "\n".join(head + [_row(row) for row in rows])


def _hostile(file):
    """The classes of the hostile suite, or why there are none."""
    if not file.exists():
        return "The hostile suite has not run on this build."
    found = json.loads(file.read_text())
    lines = ["| class | cases survived |", "|---|---|"]
    classes = found.get("classes", {})
    items = classes.items() if isinstance(classes, dict) else [(one["name"], one) for one in classes]
    lines += [f"| {name} | {_number(one['survived'])} of {_number(one['tried'])} |" for name, one in items]
    victims = found.get("victims", found.get("victim", {}))
    if "sent" in victims:
        lines += ["", f"Its victims lost {_number(victims['lost'])} of {_number(victims['sent'])} frames."]
    return "\n".join(lines)


def _fuzz(file):
    if not file.exists():
        return "No fuzz run has left its count on this build."
    targets = json.loads(file.read_text())
    lines = ["| target | executions |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {_number(count)} |" for name, count in sorted(targets.items())])


def write(file, build, rows, chaos=None):
    """rows: as JSON, in order. chaos: {"minutes", "seed", "rows"} of the run at random, or None."""
    everything = rows + (chaos["rows"] if chaos else [])
    tried, survived = (sum(row[what] for row in everything) for what in ("tried", "survived"))
    victims = {what: sum(row["victims"][what] for row in everything)
               for what in ("sent", "lost", "corrupt", "foreign")}
    leaks = sum(abs(count) for row in everything for count in row["leaks"].values())
    wrong = [f"- {row['says']}: {row['error'] or 'see its row'}" for row in everything if not row["good"]]
    text = f"""# Score card

What `make soak` did to weft, and what came of it. It makes this page; [hostile.md](dev/hostile.md) has the rules behind it.
In every row two other containers, the victims, send to and fro on the same worker.

| | |
|---|---|
| cases survived | {_number(survived)} of {_number(tried)} |
| victims' frames lost or damaged | {_number(victims['lost'] + victims['corrupt'])} of {_number(victims['sent'])} |
| frames that victims should not see | {victims['foreign']} |
| descriptors, mappings, threads, addresses, KiB left behind | {_number(leaks)} |
| machine | {_machine()} |
| date | {datetime.date.today().isoformat()} |
| commit | {", ".join(sorted({row["commit"] for row in rows}))} |

## Bad days

{_rows(rows)}
"""
    if wrong:
        text += "\nWhat went wrong:\n\n" + "\n".join(wrong) + "\n"
    if chaos:
        text += f"\n## {chaos['minutes']:g} minutes of them at random\n\nOne weftd lived through all rows that end none; its memory grew by {chaos['rss-kib']} KiB " \
                f"after the first tenth.\n\n" \
                f"{_rows(chaos['rows'])}\n"
    text += f"\n## Lies\n\n{_hostile(build / 'soak' / 'hostile.json')}\n"
    text += f"\n## Fuzzing\n\n{_fuzz(build / 'soak' / 'fuzz.json')}\n"
    text += ("\nTimes are of this machine, whose cores the victims, the others and weft share; the switch's own part "
             "of a round trip is far below a millisecond.\n")
    file.write_text(text)
