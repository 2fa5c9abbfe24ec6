# SPDX-License-Identifier: Apache-2.0
"""weftd, the switch under test, and what can be asked of it."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from .checks import GOOD_ENDS, equal, skip, wait_for
from .process import Process

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD_DIR", ROOT / "build" / "release"))


def ports(*names, options=""):
    """The [[port]] tables of vhost ports in the bridge "default", `options` being more TOML in each."""
    return "".join(
        f'[[port]]\nname = "{name}"\nbridge = "default"\nvhost = {{ listen = "weft" }}\n{options}\n'
        for name in names)


class Weftd:
    """weftd on a config of the test's, in a runtime directory of its own.

    config: TOML text without [weft], of which `keys` are more lines; [workers] and [dpdk] are added when it
    has none. Or config_file, which is then used as it is and must lead to runtime_dir. user: the uid that it runs as, if not
    ours. prefix: words before the command, such as Namespace.prefix; options: those behind it.
    """

    def __init__(self, config="", log="info", config_file=None, runtime_dir=None, environment=None,
                 user=None, prefix=(), keys="", options=()):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-"))
        self.runtime_dir = pathlib.Path(runtime_dir or self.scratch / "run")
        self._environment, self._user, self._prefix, self._options = environment, user, prefix, options
        self.process = None
        if config_file is None:
            config_file = self.scratch / "startup.conf"
            config_file.write_text(self._complete(config, log, keys))
        self.config_file = pathlib.Path(config_file)
        if user is not None:
            # EAL looks there for a place of its own.
            self._environment = {"XDG_RUNTIME_DIR": str(self.scratch), **(environment or {})}
            os.chown(self.scratch, user, user)

    def _complete(self, config, log, keys):
        parts = [f'[weft]\nruntime-dir = "{self.runtime_dir}"\nlog = "{log}"\n{keys}\n']
        if "[workers]" not in config:
            parts.append(f"[workers]\ncores = [{max(os.sched_getaffinity(0))}]\n")
        if "[dpdk]" not in config:
            parts.append('[dpdk]\neal = ["--no-huge"]\n')
        if "[[bridge]]" not in config:
            parts.append('[[bridge]]\nname = "default"\n')
        return "\n".join(parts + [config])

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind not in GOOD_ENDS and self.process is not None:
                self.process.report()
                if self.process.alive():
                    self.process.kill()
            elif self.process is not None and self.process.alive():
                self.stop()
        finally:
            if self.process is not None and self.process.alive():
                self.process.kill()
            shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self, timeout=60.0):
        """Starts weftd and returns once the control socket answers."""
        program = BUILD / "weftd"
        if not program.exists():
            skip(f"{program} is not built")
        if self._user is not None:  # to whom the build directory may be closed
            program = shutil.copy(program, self.scratch)
        self.process = Process("weftd", [*self._prefix, program, *self._options, self.config_file], self._environment,
                               user=self._user)

        def ready():
            if not self.process.alive():
                raise AssertionError(f"weftd ended at once:\n{self.process.log()}")
            with contextlib.suppress(OSError):
                return self.request("show version")
            return None
        wait_for(ready, "weftd's control socket", timeout)

    def stop(self, timeout=60.0):
        """SIGTERM, which drains; anything but exit status 0 fails the test."""
        self.process.send_signal(signal.SIGTERM)
        equal(self.process.wait(timeout), 0, "weftd's exit status after SIGTERM")

    def kill(self):
        self.process.kill()

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.process.log()

    def socket(self, port, name="vhost.sock"):
        return self.runtime_dir / "ports" / port / name

    def request(self, command, timeout=60.0):
        """One command; the whole reply, {"ok": true, "data": ...} or {"ok": false, "error": "..."}."""
        return self.ask({"command": command}, timeout)

    def ask(self, request, timeout=60.0):
        """One request of the control protocol; the whole reply."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(timeout)
            control.connect(str(self.runtime_dir / "control.sock"))
            control.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(control.makefile("rb").readline())

    def ctl(self, command, timeout=60.0):
        """The data of the command's reply; an error reply fails the test."""
        reply = self.request(command, timeout)
        if not reply["ok"]:
            raise AssertionError(f'"{command}" was refused: {reply["error"]}')
        return reply["data"]

    def weftctl(self, *words, timeout=60, cwd=None):
        """Runs the weftctl program; a CompletedProcess with stdout and stderr as text."""
        return subprocess.run([BUILD / "weftctl", "-s", self.runtime_dir / "control.sock", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, cwd=cwd)

    def port(self, name):
        """The row of `show ports` of this port."""
        rows = [row for row in self.ctl("show ports") if row["name"] == name]
        equal(len(rows), 1, f"rows of port {name}")
        return rows[0]

    def drops(self):
        """`show drops` as {(port, node, reason): packets}."""
        return {(row["port"], row["node"], row["reason"]): row["packets"]
                for row in self.ctl("show drops")}

    def addresses(self):
        """`show l2 fdb` as {mac: port}."""
        return {row["mac"]: row["port"] for row in self.ctl("show l2 fdb")}

    def wait_up(self, *names, timeout=60.0):
        for name in names:
            wait_for(lambda: self.port(name)["state"] == "up", f"port {name} up", timeout)

    def threads(self):
        """{thread id: the fields of /proc/PID/task/ID/status}."""
        found = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            lines = (task / "status").read_text().splitlines()
            found[int(task.name)] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return found

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory_files(self):
        """How many mappings are of files that have no name any more: what containers share, and
        DPDK's own memory."""
        maps = pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines()
        return sum("memfd:" in line or "(deleted)" in line for line in maps)
