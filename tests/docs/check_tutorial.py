# SPDX-License-Identifier: Apache-2.0
"""The code blocks of a page are the code in the files that they name.

A block that opens with three backquotes, a language and a path stands, line for line, in that file; the
blocks of one file follow each other in the file's order. Files named after the page are there completely,
blank lines aside.

usage: check_tutorial.py REPOSITORY PAGE [FILE...]
"""
import pathlib
import re
import sys

BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def find(block, lines, start):
    """Where the block's lines begin in `lines`, at `start` or later; -1 if nowhere."""
    for at in range(start, len(lines) - len(block) + 1):
        if lines[at:at + len(block)] == block:
            return at
    return -1


def main(repository, page, *complete):
    root = pathlib.Path(repository)
    places = {}  # path -> (its lines, where the last block ended, which lines were shown)
    errors = []
    for path, text in BLOCK.findall((root / page).read_text()):
        block = text.splitlines()
        if path not in places:
            places[path] = ((root / path).read_text().splitlines(), 0, set())
        lines, start, shown = places[path]
        at = find(block, lines, start)
        if at < 0:
            errors.append(f"{page}: this is not, or not at this place, in {path}:\n{text}")
            continue
        shown.update(range(at, at + len(block)))
        places[path] = (lines, at + len(block), shown)
    if not places:
        errors.append(f"{page}: has no code block with a path")
    for path in complete:
        lines, _, shown = places.get(path, ((root / path).read_text().splitlines(), 0, set()))
        errors += [f"{page}: does not show line {number + 1} of {path}: {line}"
                   for number, line in enumerate(lines) if line and number not in shown]
    print("\n".join(errors) or f"{page}: {len(places)} files agree")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
