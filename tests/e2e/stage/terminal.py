# SPDX-License-Identifier: Apache-2.0
"""A terminal that can be typed into and read back: tmux, on a server of its own."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from .checks import GOOD_ENDS, require_program, wait_for
from .process import Process


class Terminal:
    """Runs argv in a terminal of `columns` by `rows`.

    environment: what argv finds beside PATH, HOME and the like; an empty value takes a variable away.
    """

    def __init__(self, argv, columns=80, rows=24, environment=None):
        self._argv = [str(word) for word in argv]
        self._size = ["-x", str(columns), "-y", str(rows)]
        self._environment = environment or {}
        self._server = None

    def __enter__(self):
        require_program("tmux")
        self._scratch = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-"))
        try:
            # In the foreground the server is our child and dies with us.
            self._server = Process("tmux", ["tmux", "-S", self._scratch / "tmux", "-f", "/dev/null", "-D"],
                                   {"LC_ALL": "C.UTF-8", "TMUX": ""})
            wait_for((self._scratch / "tmux").exists, "tmux's socket")
            settings = [word for name, value in self._environment.items() for word in ("-e", f"{name}={value}")]
            # The last screen of a program that has ended can still be read.
            self._tmux("set-option", "-g", "remain-on-exit", "on")
            self._tmux("new-session", "-d", *self._size, *settings, *self._argv)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind not in GOOD_ENDS and self._server is not None:
            print("--- the screen:", *self.screen(), sep="\n    ", file=sys.stderr)
        if self._server is not None:
            self._tmux("kill-server", check=False)
            self._server.wait(10)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _tmux(self, *words, check=True):
        # A new session's PATH is that of the client that asks for it, whatever -e says.
        environment = {**os.environ, "PATH": self._environment.get("PATH", os.environ["PATH"])}
        return subprocess.run(["tmux", "-S", self._scratch / "tmux", *words], check=check, timeout=60, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout

    def type(self, text):
        self._tmux("send-keys", "-l", "--", text)

    def keys(self, *names):
        """Keys by tmux's names: Enter, Tab, Up, C-c."""
        self._tmux("send-keys", *names)

    def screen(self, colours=False):
        """The lines without blanks at their ends; those below the last text are left out. colours: with
        the escape sequences of what is bold or coloured."""
        text = self._tmux("capture-pane", "-p", *(["-e"] if colours else []), check=False)
        return [line.rstrip() for line in text.rstrip().splitlines()]

    def wait(self, condition, what):
        """Waits until condition(lines) of the screen is true; the lines then."""
        lines = []

        def reached():
            lines[:] = self.screen()
            return condition(lines)
        wait_for(reached, f"{what} on the screen")
        return lines

    def wait_line(self, line):
        """Waits until this is the last line."""
        return self.wait(lambda lines: lines and lines[-1] == line, f'"{line}" as the last line')
