# SPDX-License-Identifier: Apache-2.0
"""What the score card is made of: PART.json for each row of soak.py and for `hostile`, `chaos` and `fuzz`, each as its
last full run left it, with the commit, the day and the machine of that run.

docs/score-card/ is kept in the repository, so that a part is renewed without the others and nothing of them is lost.
"""
import datetime
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARD = ROOT / "docs" / "score-card.md"


def folder_of(card):
    return card.with_suffix("")


def machine():
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return (f"{os.cpu_count()} cores of {model[1] if model else 'a processor without a name'}, "
            f"{memory / 2**20:.0f} GiB, Linux {os.uname().release}")


def _git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True).stdout.strip()


def commit():
    """The commit that is checked out, and whether files differ from it. What runs write themselves does not count."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/score-card",
                   ":!docs/score-card.md", ":!tests/fuzz/corpus")
    return (_git("log", "-1", "--format=%h") or "no commit") + (" with changes" if changed else "")


def stamp():
    """To be taken when a run begins: it may take hours, and people go on meanwhile."""
    return {"commit": commit(), "date": datetime.date.today().isoformat(), "machine": machine()}


class Parts:
    """The files of a folder."""

    def __init__(self, folder):
        self._folder = folder

    def read(self, name):
        """What the part left, or None."""
        file = self._folder / f"{name}.json"
        return json.loads(file.read_text()) if file.exists() else None

    def write(self, name, found):
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._folder / f"{name}.new"
        new.write_text(json.dumps(found, indent=1) + "\n")
        new.replace(self._folder / f"{name}.json")

    def skipped(self, name, reason, when):
        """The part could not be played. What it left before stays, and that it was not renewed is told with it."""
        self.write(name, (self.read(name) or {}) | {"not-renewed": {"reason": str(reason), **when}})
