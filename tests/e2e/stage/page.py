# SPDX-License-Identifier: Apache-2.0
"""What a page shows of a program's output, against what the program says in a test.

On the page it stands in the section of a test, as "$ weftctl COMMAND" and the answer on a terminal of 80 columns. Only
words are compared: numbers, addresses and times are those of one run, and columns are as wide as these.
"""
import collections
import contextlib
import re

from .checks import equal, wait_for

BLOCK = re.compile(r"```\n\$ weftctl ([^\n]*)\n(.*?)```\n", re.DOTALL)
RATE, NO_RATE = "it loses N a second now;".split(), "none in the last second;".split()


def words(text):
    """{word: how often}, numbers being N, and the rate of the last second none."""
    found = collections.Counter(re.sub(r"\d+(\.\d+)?", "N", text).split())
    for _ in range(found["loses"]):
        found = found - collections.Counter(RATE) + collections.Counter(NO_RATE)
    return found


class Page:
    """write: the page is brought up to date instead."""

    def __init__(self, path, write=False):
        self._path, self._write = path, write
        parts = re.split(r"^(## .*\n)", path.read_text(), flags=re.MULTILINE)
        self._intro = parts[0]
        self._sections = dict(zip((heading[3:].strip() for heading in parts[1::2]), parts[2::2]))
        self._shown = {}  # {(section, command): how often}

    def shows(self, weft, section, command, names=(), among=False):
        """The section has the command and what it answers. names: (what it says here, what the page calls that).
        among: the answer may have more rows, and these come and go."""
        number = self._shown.get((section, command), 0)
        self._shown[section, command] = number + 1
        blocks = [block for block in BLOCK.finditer(self._sections[section]) if block[1] == command]
        if len(blocks) <= number:
            raise AssertionError(f'{self._path.name}, "{section}": lacks block {number + 1} of: $ weftctl {command}')
        block = blocks[number]

        def answer():
            reply = weft.ask({"command": command, "format": "text", "width": 80})
            equal(reply["ok"], True, f"{command}: {reply.get('error')}")
            text = reply["text"]
            for here, there in names:
                text = text.replace(here, there)
            return text
        text = answer()
        if among and not self._write:
            def there():
                now = answer()
                return "" if words(block[2]) - words(now) else now
            with contextlib.suppress(AssertionError):  # then it is said below
                text = wait_for(there, "the rows", timeout=30)
        missing, more = words(block[2]) - words(text), words(text) - words(block[2])
        if self._write and (missing or more and not among):
            def at_rest():
                now = answer()
                return "" if "loses" in now else now
            text = wait_for(at_rest, "a second without a loss")
            begin, end = block.span(2)
            self._sections[section] = self._sections[section][:begin] + text + self._sections[section][end:]
        elif missing or (more and not among):
            raise AssertionError(f'{self._path.name}, "{section}": $ weftctl {command}\n{block[2]}\nbut it says\n\n{text}\n'
                                 f"only the page has {dict(missing)}, only the answer {dict(more)}; --write refreshes it")

    def close(self):
        """All that the page shows was compared."""
        there = collections.Counter((section, block[1]) for section, text in self._sections.items()
                                    for block in BLOCK.finditer(text))
        equal(dict(self._shown), dict(there), f"what the test shows, and what {self._path.name} does")
        if self._write:
            self._path.write_text(self._intro + "".join(f"## {heading}\n{text}" for heading, text in self._sections.items()))
