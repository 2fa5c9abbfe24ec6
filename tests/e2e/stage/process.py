# SPDX-License-Identifier: Apache-2.0
"""Child processes that cannot outlive the test."""
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child in a process group of its own that dies with us; its log is shown if the test fails.

    user: the uid that it runs as, if not ours.
    """

    def __init__(self, name, argv, environment=None, stdin=subprocess.DEVNULL, stdout=None, user=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self._log = tempfile.TemporaryFile()
        other = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self.popen = subprocess.Popen(
            self.argv, **other, stdin=stdin, stdout=self._log if stdout is None else stdout, stderr=self._log,
            env={**os.environ, **(environment or {})}, start_new_session=True,
            preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def log(self):
        size = self._log.seek(0, os.SEEK_END)
        # pread leaves the offset alone, which the child shares.
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, timeout):
        """The exit status; a process that outlives the timeout is killed and the test fails."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout:g} s") from None

    def kill(self):
        self.send_signal(signal.SIGKILL)
        self.popen.wait(10)

    def report(self, lines=30):
        status = "alive" if self.alive() else f"exit status {self.popen.returncode}"
        print(f"--- {self.name} ({status}): {' '.join(self.argv)}", file=sys.stderr)
        for line in self.log().splitlines()[-lines:]:
            print(f"    {line}", file=sys.stderr)
        sys.stderr.flush()
