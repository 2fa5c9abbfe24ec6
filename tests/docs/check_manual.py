# SPDX-License-Identifier: Apache-2.0
"""The manual page is one that man can read: groff has nothing to say against it, and what it prints has the
sections and the options that somebody looks for.

usage: check_manual.py REPOSITORY
"""
import pathlib
import re
import shutil
import subprocess
import sys

WANTED = ("NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES")


def main(repository):
    page = pathlib.Path(repository) / "docs" / "reference" / "weftctl.1"
    if shutil.which("groff") is None:
        print("groff is not installed")
        return 77
    result = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-c", page], text=True, capture_output=True, timeout=60)
    text = re.sub(r".\x08", "", result.stdout)  # bold is a letter over itself
    errors = result.stderr.splitlines()
    errors += [f"no section {name}" for name in WANTED if not re.search(rf"(?m)^{name}$", text)]
    errors += [f"does not say {word}" for word in ("--socket SOCKET", "watch [-n N]", "show port NAME") if word not in text]
    print("\n".join(errors) or f"{page.name}: {len(text.splitlines())} lines")
    return 1 if errors or result.returncode else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
