# SPDX-License-Identifier: Apache-2.0
"""Passes if a source does not compile, and its first error is the one that it expects.

The source says it in a comment, `// expect-error: REGULAR EXPRESSION`. That it is the first error proves
that everything above it is right.

usage: expect_error.py SOURCE COMPILER FLAGS...
"""
import os
import re
import subprocess
import sys


def main(source, *compiler):
    with open(source, encoding="utf-8") as file:
        expected = re.search(r"^// expect-error: (.+)$", file.read(), re.MULTILINE)
    if expected is None:
        return f"{source} does not say which error it expects"
    result = subprocess.run([*compiler, "-fsyntax-only", source], capture_output=True, text=True,
                            env={**os.environ, "LC_ALL": "C"})
    errors = [line for line in result.stderr.splitlines() if "error: " in line]
    if result.returncode == 0 or not errors:
        return f"{source} compiles\n{result.stderr}"
    if not re.search(expected[1], errors[0]):
        return f"expected: {expected[1]}\nfirst error: {errors[0]}"
    print(errors[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
