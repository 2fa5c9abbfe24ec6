# SPDX-License-Identifier: Apache-2.0
"""The manual pages are such as man can read: groff has nothing to say against them, and what it prints has the
sections and the options that somebody looks for.

usage: check_manual.py REPOSITORY
"""
import pathlib
import re
import shutil
import subprocess
import sys

SECTIONS = ("NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "EXAMPLES")
WANTED = {"weftctl.1": ((*SECTIONS, "COMMANDS", "ENVIRONMENT"), ("--socket SOCKET", "watch [-n N]", "show port NAME")),
          "weftd.8": ((*SECTIONS, "SIGNALS", "CONFIGURATION", "FILES"), ("--check", "SIGHUP", "[[port]] vhost", "--replay"))}


def check(page):
    sections, words = WANTED[page.name]
    result = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-c", page], text=True, capture_output=True, timeout=60)
    text = re.sub(r".\x08", "", result.stdout)  # bold is a letter over itself
    errors = result.stderr.splitlines()
    errors += [f"no section {name}" for name in sections if not re.search(rf"(?m)^{name}$", text)]
    errors += [f"does not say {word}" for word in words if word not in text]
    print("\n".join(f"{page.name}: {error}" for error in errors) or f"{page.name}: {len(text.splitlines())} lines")
    return not errors and result.returncode == 0


def main(repository):
    if shutil.which("groff") is None:
        print("groff is not installed")
        return 77
    return 0 if all([check(pathlib.Path(repository) / "docs" / "reference" / name) for name in WANTED]) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
