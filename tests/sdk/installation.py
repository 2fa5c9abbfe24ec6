# SPDX-License-Identifier: Apache-2.0
"""This build, installed into a directory of its own, and plugins that are built against that alone."""
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import weft_e2e as e2e  # noqa: E402  (the path comes first)


def run(*argv, cwd=None, status=0, **environment):
    """What the program prints on either stream; fails unless it ends with this status."""
    result = subprocess.run([str(word) for word in argv], cwd=cwd, text=True, stdin=subprocess.DEVNULL, timeout=300,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment})
    if result.returncode != status:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit status {result.returncode}\n{result.stdout}")
    return result.stdout


class Installation:
    """prefix: where it is; scratch: a directory for what is built against it."""

    def __init__(self, directory):
        self.prefix, self.scratch = directory / "weft", directory / "scratch"
        self.scratch.mkdir()
        run("cmake", "--install", e2e.BUILD, "--prefix", self.prefix)
        self.weftd, self.weftctl = self.prefix / "bin" / "weftd", self.prefix / "bin" / "weftctl"

    def build(self, source, *arguments):
        """Configures and builds source/build as its author would, checks what it read, and returns the directory."""
        build = source / "build"
        run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", *arguments)
        run("cmake", "--build", build)
        stays_outside(run("ninja", "-C", build, "-t", "deps"), f"the build in {source.name}")
        return build


def stays_outside(text, who):
    """Nothing in the text is a path into this repository."""
    inside = [line.strip() for line in text.splitlines() if str(ROOT) + "/" in line]
    e2e.equal(inside, [], f"files of this repository that {who} has read")


@contextlib.contextmanager
def installed():
    with tempfile.TemporaryDirectory(prefix="weft-sdk-") as directory:
        yield Installation(pathlib.Path(directory))
