# SPDX-License-Identifier: Apache-2.0
"""docs/score-card.md, from the parts that full runs have left (parts.py)."""
import math
import re

COLUMNS = ("day", "cases survived", "victims' frames lost", "frames they should not see", "left behind",
           "outage: median (longest)", "other times: median (longest)")
HOUR = 60  # minutes that a fuzz target is to run at least once
WORKER_TARGET = 1000  # microseconds that a round of a worker may take


def _number(value):
    return f"{value:,}"


def _table(columns, lines):
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [columns, *lines]).replace(
        "\n", "\n" + "|---" * len(columns) + "|\n", 1)


def _time(median, longest):
    return f"{median:g} ms" + (f" ({longest:g})" if longest != median else "")


def _times(figures):
    texts = (f"{what} {_time(value['median-ms'], value['max-ms'])}" for what, value in figures.items())
    return "; ".join(texts) or "none"


def _lost(victims):
    return victims["lost"] + victims["corrupt"]


class Card:
    """says: {row: what it is}, in order. targets: names of all fuzz targets that there are. Of the result of a row,
    "says" is what it was when it was played."""

    def __init__(self, parts, says, targets):
        self._says, self._targets = says, targets
        stored = {name: parts.read(name) or {} for name in (*says, "chaos", "hostile", "fuzz")}
        self._names = says | {"hostile": "containers that lie", "chaos": "rows at random"}
        self._skipped = {name: found["not-renewed"] for name, found in stored.items() if "not-renewed" in found}
        self._rows = [stored[name] for name in says if "tried" in stored[name]]
        self._never = [name for name in self._names if not stored[name]]
        self._chaos = stored["chaos"] if "rows" in stored["chaos"] else None
        self._hostile = stored["hostile"] if "classes" in stored["hostile"] else None
        self._fuzz = stored["fuzz"].get("targets", {})

    # ---- Of which commits

    def _played(self):
        """Everything that has a commit, fuzzing apart, which goes on over many."""
        parts = self._rows + [part for part in (self._chaos, self._hostile) if part]
        return parts + [one for one in (self._hostile or {}).get("classes", []) if "commit" in one]

    def _distinct(self, what):
        return sorted({part[what] for part in self._played() if what in part})

    def _of(self, part):
        """[its commit], or [] if it is the same of all that the table would say."""
        return [part.get("commit", "unknown")] if len(self._distinct("commit")) > 1 else []

    def _commit_column(self):
        return ("commit",) if len(self._distinct("commit")) > 1 else ()

    # ---- Sums

    def _everything(self):
        return self._rows + (self._chaos["rows"] if self._chaos else [])

    def _sums(self):
        rows, hostile = self._everything(), self._hostile or {}
        sums = {what: sum(row[what] for row in rows) + hostile.get(what, 0) for what in ("tried", "survived")}
        for what, lies in (("sent", "victim-frames-sent"), ("lost", "victim-frames-lost"),
                           ("corrupt", "victim-frames-wrong"), ("foreign", "policy-escapes")):
            sums[what] = sum(row["victims"][what] for row in rows) + hostile.get(lies, 0)
        sums["leaks"] = sum(abs(count) for row in rows for count in row["leaks"].values()) + hostile.get("leaks", 0)
        sums["executions"] = sum(run["executions"] for runs in self._fuzz.values() for run in runs)
        return sums

    def _aims(self):
        """What has a target: (whether it was met, then the cells of its line)."""
        aims = []
        for suffix, rows in (("", self._rows), (", at random", (self._chaos or {}).get("rows", []))):
            for row in rows:
                for what, value in row.get("outages", {}).items():
                    if "target-ms" in value:
                        aims.append(self._aim(row["says"] + suffix, what, value))
                for what, value in row.get("compared", {}).items():
                    aims.append(self._comparison(row["says"] + suffix, what, value))
        longest = (self._hostile or {}).get("longest-round-us")
        if longest is not None:
            where = self._hostile.get("longest-round-in", "anywhere")
            aims.append((longest <= WORKER_TARGET, "containers lie",
                         f"the worker's longest round ({where}), what took the core from it included",
                         f"{WORKER_TARGET / 1000:g} ms", "", f"{longest / 1000:g} ms", ""))
        return aims

    @staticmethod
    def _aim(says, what, value):
        within = f"{_number(value['within'])} of {_number(value['times'])} within" if "within" in value else ""
        if "without" in value:
            within += f"; {_number(value['without']['within'])} when nothing was the matter"
        return (value["max-ms"] <= value["target-ms"], says, what, f"{value['target-ms']:g} ms",
                f"{value['median-ms']:g} ms", f"{value['max-ms']:g} ms", within)

    @staticmethod
    def _comparison(says, what, value):
        before, during = value["before-p99-ms"], value["during-p99-ms"]
        more = 100 * (during - before) / before
        return (more <= value["more-percent"], says, f"{what}: p99, beside before",
                f"+{value['more-percent']} %", f"{before:g} ms before", f"{during:g} ms: {more:+.0f} %",
                f"of {_number(value['times'][0])} and {_number(value['times'][1])}")

    # ---- Sections

    def _head(self):
        sums, aims = self._sums(), self._aims()
        met = sum(one[0] for one in aims)
        outages = [(value["max-ms"], what)
                   for row in self._everything() for what, value in row.get("outages", {}).items()]
        longest = "none was measured" if not outages else "{:g} ms: {}".format(*max(outages))
        commits, dates = self._distinct("commit"), self._distinct("date")
        return _table(("", ""), [
            ("cases survived", f"{_number(sums['survived'])} of {_number(sums['tried'])}"),
            ("victims' frames lost or damaged", f"{_number(_lost(sums))} of {_number(sums['sent'])}"),
            ("frames where a policy says they must not be (escapes)", _number(sums["foreign"])),
            ("descriptors, mappings, threads, addresses left behind, and KiB beyond what is allowed",
             _number(sums["leaks"])),
            ("times that are within their target, always", f"{met} of {len(aims)} ([below](#targets))"),
            ("longest outage", longest),
            ("executions of fuzz targets", _number(sums["executions"])),
            ("machine", "; ".join(self._distinct("machine"))),
            ("date", dates[0] if len(dates) == 1 else " to ".join((dates[:1] or ["none"]) + dates[-1:])),
            ("commit", ", ".join(commits) + (": each line says of which it is" if len(commits) > 1 else "")),
        ])

    def _row(self, row, of):
        leaks = ", ".join(f"{count} {what}" for what, count in row["leaks"].items() if count) or "0"
        victims = row["victims"]
        lost = f"{_number(_lost(victims))} of {_number(victims['sent'])}"
        return (row["says"], f"{_number(row['survived'])} of {_number(row['tried'])}",
                lost if victims["sent"] else "no victims", str(victims["foreign"]), leaks,
                _times(row.get("outages", {})), _times(row["figures"]), *of)

    def _days(self):
        return _table(COLUMNS + self._commit_column(), [self._row(row, self._of(row)) for row in self._rows])

    def _not_played(self):
        lines = [f"- {self._names[name]}: {found['reason']} ({found['commit']}, {found['date']})"
                 for name, found in self._skipped.items()]
        lines += [f"- at random, {self._says.get(name, name)}: {reason}"
                  for name, reason in (self._chaos or {}).get("not-played", {}).items()]
        lines += [f"- {self._names[name]} (`{name}`): not yet in full" for name in self._never]
        return "Nothing." if not lines else "\n".join(lines)

    def _wrong(self):
        lines = [f"- {row['says']}: {' '.join(row['error'].split()) or 'see its row'}"
                 for row in self._everything() if not row["good"]]
        if self._chaos and self._grown()[0] > self._grown()[1]:
            lines.append("- rows at random: weftd's memory grew")
        if self._hostile and not self._hostile["good"]:
            lines.append("- containers that lie: see there")
        return "" if not lines else "\n## What went wrong\n\n" + "\n".join(lines) + "\n"

    def _aim_table(self):
        return _table(("day", "what", "target", "median", "longest", "how often", ""),
                      [(*cells, "met" if met else "**missed**") for met, *cells in self._aims()])

    def _grown(self):
        """KiB by which weftd's memory grew meanwhile, and by which it may."""
        what = "heap-kib" if "heap-kib" in self._chaos else "rss-kib"  # as it was measured until November 2026
        return self._chaos[what], self._chaos.get(f"{what}-allowed", math.inf)

    def _at_random(self):
        if not self._chaos:
            return ""
        chaos = self._chaos
        grown, most = self._grown()
        allowed = f" and the first of each, of {most} that it may" if most != math.inf else ""
        return (f"\n## {chaos['minutes']:g} minutes of them at random\n\n"
                f"One weftd lived through all rows that end none; its memory grew by {grown} KiB after the "
                f"first tenth{allowed}. Of commit {chaos['commit']}.\n\n"
                f"{_table(COLUMNS, [self._row(row, []) for row in chaos['rows']])}\n")

    def _lies(self):
        """The classes of the hostile suite (`weft-hostile --json FILE`)."""
        found = self._hostile
        if found is None:
            return "The hostile suite has not run in full."
        column = ("commit",) if any("commit" in one for one in found["classes"]) else ()
        text = _table(("class of lies", "cases survived", *column),
                      [(one["class"], f"{_number(one['survived'])} of {_number(one['tried'])}",
                        *([one.get("commit", found["commit"])] if column else [])) for one in found["classes"]])
        text += (f"\n\n{_number(found['witnessed-frames'])} frames of liars were looked at by who got them. "
                 f"The victims sent at {_number(found['victim-rate'])} frames a second; "
                 f"{_number(found['victim-no-loss-rate'])} was what went through without loss. "
                 f"Of commit {found['commit']}.\n")
        if "packets" in found:
            text += (f"\nAfter each case the worker had its {_number(found['packets'])} packets; one dispatch took "
                     f"{_number(found['packets-most-used'])} of them at most.\n")
        more = [f"- skipped: {what}" for what in found["skipped"]] + [f"- {what}" for what in found["complaints"]]
        return text + ("\n" + "\n".join(more) + "\n" if more else "")

    def _fuzzing(self):
        def line(name):
            runs = self._fuzz.get(name, [])
            if not runs:
                return (name, "0", "0", "not yet", "none")
            longest = max(runs, key=lambda run: run["minutes"])
            return (name, _number(sum(run["executions"] for run in runs)), f"{sum(run['minutes'] for run in runs):g}",
                    longest["commit"] if longest["minutes"] >= HOUR else f"not yet: {longest['minutes']:g} minutes",
                    ", ".join(run["commit"] for run in runs))
        gone = sorted(set(self._fuzz) - set(self._targets))
        return _table(("target", "executions", "minutes", "for an hour", "commits"),
                      [*map(line, self._targets), *((f"{name} (gone)", *line(name)[1:]) for name in gone)])

    def text(self):
        return f"""# Score card

What `make soak` did to weft, and what came of it. It makes this page of what each part left in its last full run;
[hostile.md](dev/hostile.md) has the rules behind it. In every row two other containers, the victims, send to and fro on
the same worker.

{self._head()}

## Bad days

{self._days()}
{self._wrong()}
## What was not played

{self._not_played()}

## Targets

What a trusted switch does, and whether it did so each time. A time that was over its target once is missed.

{self._aim_table()}
{self._at_random()}
## Lies

{self._lies()}
## Fuzzing

{self._fuzzing()}

Times are no benchmark: victims, others and weft share the cores, and a round trip has the victims' own turn on one in
it.
"""


def fuzz_targets(root):
    return sorted(re.sub(r"_fuzz\.cc$", "", path.name) for path in (root / "tests" / "fuzz").glob("*_fuzz.cc"))
