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


def _figure(what, median, max):
    return f"{what} {median:g} ms" + (f" ({max:g})" if max != median else "")


def _row(row):
    figures = "; ".join(_figure(what, **{key[:-3]: ms for key, ms in value.items()})
                        for what, value in row["figures"].items()) or "none"
    leaks = ", ".join(f"{count} {what}" for what, count in row["leaks"].items() if count) or "0"
    victims = row["victims"]
    lost = f"{_number(victims['lost'] + victims['corrupt'])} of {_number(victims['sent'])}"
    return (f"| {row['says']} | {_number(row['survived'])} of {_number(row['tried'])} | "
            f"{lost if victims['sent'] else 'no victims'} | "
            f"{victims['foreign']} | {leaks} | {figures} |")


def _rows(rows):
    head = ["| day | cases survived | victims' frames lost | frames they should not see | left behind | times of this run: median (longest) |",
            "|---|---|---|---|---|---|"]
    return "\n".join(head + [_row(row) for row in rows])


def _read(file):
    return json.loads(file.read_text()) if file.exists() else None


def _hostile(found):
    """The classes of the hostile suite (`weft-hostile --json FILE`), or that there are none."""
    if found is None:
        return "The hostile suite has not run on this build."
    lines = ["| class of lies | cases survived |", "|---|---|"]
    lines += [f"| {one['class']} | {_number(one['survived'])} of {_number(one['tried'])} |" for one in found["classes"]]
    lines += ["", f"{_number(found['witnessed-frames'])} frames of liars were looked at by who got them. The victims sent at "
              f"{_number(found['victim-rate'])} frames a second; {_number(found['victim-no-loss-rate'])} was what went through without loss.",
              ""]
    if "longest-round-us" in found:
        lines += [f"After each case the worker had its {_number(found['packets'])} packets; one dispatch took "
                  f"{_number(found['packets-most-used'])} of them at most. Its longest round took "
                  f"{found['longest-round-us'] / 1000:.1f} ms ({found['longest-round-in']}), what took the core from it included.", ""]
    lines += [f"- skipped: {what}" for what in found["skipped"]]
    return "\n".join(lines + [f"- {complaint}" for complaint in found["complaints"]])


def _fuzz(targets):
    """targets: {name: executions}, as a fuzz run leaves them."""
    if targets is None:
        return "No fuzz run has left its count on this build."
    lines = ["| target | executions |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {_number(count)} |" for name, count in sorted(targets.items())])


def write(file, build, rows, chaos=None):
    """rows: as JSON, in order. chaos: {"minutes", "seed", "rows"} of the run at random, or None."""
    hostile, fuzz = _read(build / "soak" / "hostile.json"), _read(build / "soak" / "fuzz.json")
    everything = rows + (chaos["rows"] if chaos else [])
    tried, survived = (sum(row[what] for row in everything) for what in ("tried", "survived"))
    victims = {what: sum(row["victims"][what] for row in everything)
               for what in ("sent", "lost", "corrupt", "foreign")}
    leaks = sum(abs(count) for row in everything for count in row["leaks"].values())
    if hostile is not None:
        tried, survived = tried + hostile["tried"], survived + hostile["survived"]
        leaks += hostile["leaks"]
        victims["sent"] += hostile["victim-frames-sent"]
        victims["lost"] += hostile["victim-frames-lost"]
        victims["corrupt"] += hostile["victim-frames-wrong"]
        victims["foreign"] += hostile["policy-escapes"]
    wrong = [f"- {row['says']}: {' '.join(row['error'].split()) or 'see its row'}" for row in everything if not row["good"]]
    text = f"""# Score card

What `make soak` did to weft, and what came of it. It makes this page; [hostile.md](dev/hostile.md) has the rules behind it.
In every row two other containers, the victims, send to and fro on the same worker.

| | |
|---|---|
| cases survived | {_number(survived)} of {_number(tried)} |
| victims' frames lost or damaged | {_number(victims['lost'] + victims['corrupt'])} of {_number(victims['sent'])} |
| frames where a policy says they must not be (escapes) | {victims['foreign']} |
| executions of fuzz targets | {_number(sum(fuzz.values())) if fuzz else "none yet"} |
| descriptors, mappings, threads, addresses left behind, and KiB beyond 64 | {_number(leaks)} |
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
    text += f"\n## Lies\n\n{_hostile(hostile)}\n"
    text += f"\n## Fuzzing\n\n{_fuzz(fuzz)}\n"
    text += ("\nTimes are no benchmark: victims, others and weft share the cores, and a round trip has the victims' own "
             "turn on one in it.\n")
    file.write_text(text)
