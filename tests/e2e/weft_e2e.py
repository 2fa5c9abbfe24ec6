# SPDX-License-Identifier: Apache-2.0
"""The stage of the end-to-end tests and of `make run`: weftd, containers and namespaces.

Everything here is a context manager that takes away what it made, processes, sockets, namespaces and
files, also when the test fails; every wait has an end. Standard library only, one thread besides a
reader for each container.

    def two_containers():
        with Weftd(ports("web-1", "web-2")) as weft, \\
             Testpmd(weft.socket("web-1"), mac="02:00:00:00:00:11") as one, \\
             Testpmd(weft.socket("web-2"), mac="02:00:00:00:00:12") as two:
            ...
            equal(weft.port("web-2")["tx-packets"], two.stats()["rx-packets"], "delivered frames")

    if __name__ == "__main__":
        run(two_containers)
"""
import contextlib
import ctypes
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SKIPPED = 77  # the exit status that ctest takes for "skipped"
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD_DIR", ROOT / "build" / "release"))
TIME_LIMIT = int(os.environ.get("WEFT_E2E_TIMEOUT", "240"))  # seconds for a whole test program
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


def skip(reason):
    raise Skip(reason)


def require_root():
    if os.geteuid() != 0:
        skip("needs root")


def require_program(name):
    if shutil.which(name) is None:
        skip(f"{name} is not installed")


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def at_least(found, least, what):
    if found < least:
        raise AssertionError(f"{what}: expected at least {least!r}, found {found!r}")


def wait_for(condition, what, timeout=10.0, interval=0.02):
    """Calls condition until it returns something true, and returns that; AssertionError after timeout
    seconds. The time is a guard against hanging, never the thing under test."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for: {what}")
        time.sleep(interval)


def settled(sample, quiet=0.3, timeout=10.0):
    """Calls sample until it has returned the same value for `quiet` seconds, and returns that value."""
    deadline = time.monotonic() + timeout
    last, since = sample(), time.monotonic()
    while time.monotonic() - since < quiet:
        if time.monotonic() > deadline:
            raise AssertionError(f"still changing after {timeout:g} s: {last!r}")
        time.sleep(0.05)
        value = sample()
        if value != last:
            last, since = value, time.monotonic()
    return last


def ports(*names, options=""):
    """The [[port]] tables of vhost ports in the bridge "default", `options` being more TOML in each."""
    return "".join(
        f'[[port]]\nname = "{name}"\nbridge = "default"\nvhost = {{ listen = "weft" }}\n{options}\n'
        for name in names)


def floating_lcores(count):
    """EAL's --lcores for `count` threads that the kernel may move over all our CPUs: a container is an
    ordinary process and must not claim a CPU of a small machine."""
    cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0)))
    return ",".join(f"{lcore}@({cpus})" for lcore in range(count))


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child in a process group of its own that dies with us; its log is shown if the test fails."""

    def __init__(self, name, argv, environment=None, stdin=subprocess.DEVNULL, stdout=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self._log = tempfile.TemporaryFile()
        self.popen = subprocess.Popen(
            self.argv, stdin=stdin, stdout=self._log if stdout is None else stdout, stderr=self._log,
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


class Weftd:
    """weftd on a config of the test's, in a runtime directory of its own.

    config: TOML text without [weft]; [workers] and [dpdk] are added when it has none. Or config_file,
    which is then used as it is and must lead to runtime_dir.
    """

    def __init__(self, config="", log="info", config_file=None, runtime_dir=None, environment=None):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-"))
        self.runtime_dir = pathlib.Path(runtime_dir or self.scratch / "run")
        self._environment = environment
        self.process = None
        if config_file is None:
            config_file = self.scratch / "startup.conf"
            config_file.write_text(self._complete(config, log))
        self.config_file = pathlib.Path(config_file)

    def _complete(self, config, log):
        parts = [f'[weft]\nruntime-dir = "{self.runtime_dir}"\nlog = "{log}"\n']
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
            if kind is not None and kind is not Skip and self.process is not None:
                self.process.report()
                if self.process.alive():
                    self.process.kill()
            elif self.process is not None and self.process.alive():
                self.stop()
        finally:
            if self.process is not None and self.process.alive():
                self.process.kill()
            shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self, timeout=20.0):
        """Starts weftd and returns once the control socket answers."""
        program = BUILD / "weftd"
        if not program.exists():
            skip(f"{program} is not built")
        self.process = Process("weftd", [program, self.config_file], self._environment)

        def ready():
            if not self.process.alive():
                raise AssertionError(f"weftd ended at once:\n{self.process.log()}")
            with contextlib.suppress(OSError):
                return self.request("show version")
            return None
        wait_for(ready, "weftd's control socket", timeout)

    def stop(self, timeout=10.0):
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

    def socket(self, port):
        return self.runtime_dir / "ports" / port / "vhost.sock"

    def request(self, command, timeout=10.0):
        """One command; the whole reply, {"ok": true, "data": ...} or {"ok": false, "error": "..."}."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(timeout)
            control.connect(str(self.runtime_dir / "control.sock"))
            control.sendall(json.dumps({"command": command}).encode() + b"\n")
            return json.loads(control.makefile("rb").readline())

    def ctl(self, command, timeout=10.0):
        """The data of the command's reply; an error reply fails the test."""
        reply = self.request(command, timeout)
        if not reply["ok"]:
            raise AssertionError(f'"{command}" was refused: {reply["error"]}')
        return reply["data"]

    def weftctl(self, *words, timeout=20):
        """Runs the weftctl program; a CompletedProcess with stdout and stderr as text."""
        return subprocess.run([BUILD / "weftctl", "-s", self.runtime_dir / "control.sock", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout)

    def port(self, name):
        """The row of `show ports` of this port."""
        rows = [row for row in self.ctl("show ports") if row["name"] == name]
        equal(len(rows), 1, f"rows of port {name}")
        return rows[0]

    def wait_up(self, *names, timeout=10.0):
        for name in names:
            wait_for(lambda: self.port(name)["state"] == "up", f"port {name} up", timeout)

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def maps(self):
        return len(pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines())


class Testpmd:
    """A container: an interactive dpdk-testpmd with one virtio-user device.

    server: the container listens on the socket and weft connects. memory: "no-huge" needs nothing of
    the machine, "in-memory" needs huge pages. mode: testpmd's forwarding mode. peer: where generated
    frames go. options, device: more arguments for testpmd and for the virtio-user device.
    """
    __test__ = False  # not a test class, whatever its name
    _serial = 0
    _PROMPT = "testpmd> "
    _MEMORY = {"no-huge": ["--no-huge", "-m", "128"],
               "in-memory": ["--in-memory", "--single-file-segments", "-m", "64"]}

    def __init__(self, path, mac=None, server=False, memory="no-huge", queues=1, mode="io", peer=None,
                 mbufs=2048, options=(), device=""):
        Testpmd._serial += 1
        self.name = pathlib.Path(path).parent.name or "container"
        self.mac, self.server, self.path = mac, server, pathlib.Path(path)
        self._prefix = f"weft-{os.getpid()}-{Testpmd._serial}"
        self._scratch = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-"))
        vdev = f"net_virtio_user0,path={path},queues={queues}"
        vdev += f",mac={mac}" if mac else ""
        vdev += ",server=1" if server else ""
        vdev += f",{device}" if device else ""
        self.argv = ["dpdk-testpmd", "--lcores", floating_lcores(2), "--no-pci", *self._MEMORY[memory],
                     "--no-telemetry", "--no-shconf", f"--file-prefix={self._prefix}", f"--vdev={vdev}",
                     "--", "-i", "--no-mlockall", f"--total-num-mbufs={mbufs}",
                     f"--forward-mode={mode}", f"--rxq={queues}", f"--txq={queues}",
                     *([f"--eth-peer=0,{peer}"] if peer else []), *options]
        self.process = None
        self._output = ""
        self._changed = threading.Condition()

    def __enter__(self):
        require_program("dpdk-testpmd")
        try:
            self.start_process()
            if not self.server:
                self.ready()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not Skip and self.process is not None:
            self.process.report()
            print(self.output()[-2000:], file=sys.stderr)
        self.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def start_process(self):
        """Starts the container, again after kill() or close()."""
        # testpmd buffers its output unless it goes to a terminal; its input is a pipe, so that it ends
        # by itself if we do.
        master, slave = pty.openpty()
        with self._changed:
            self._output = ""
        try:
            self.process = Process(f"container {self.name}", self.argv,
                                   {"XDG_RUNTIME_DIR": str(self._scratch)}, subprocess.PIPE, slave)
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        threading.Thread(target=self._read, args=(master, self.process), daemon=True).start()

    def _read(self, master, process):
        with os.fdopen(master, "rb", buffering=0) as terminal:
            while True:
                try:
                    data = terminal.read(65536)
                except OSError:  # EIO: the last writer has closed the terminal
                    data = b""
                with self._changed:
                    if process is self.process or self.process is None:
                        text = data.decode(errors="replace").replace("\r", "")
                        self._output += re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
                    self._changed.notify_all()
                if not data:
                    return

    def output(self):
        with self._changed:
            return self._output

    def _wait_prompt(self, start, timeout):
        """The output from start to the next prompt."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (end := self._output.find(self._PROMPT, start)) < 0:
                left = deadline - time.monotonic()
                if left <= 0 or not self.alive():
                    raise AssertionError(f"container {self.name} gave no prompt within {timeout:g} s")
                self._changed.wait(min(left, 0.1))
            return self._output[start:end]

    def ready(self, timeout=20.0):
        """Waits until testpmd runs. A container that listens waits for weft before it does."""
        self._wait_prompt(0, timeout)

    def command(self, text, timeout=10.0):
        """Types a line at testpmd's prompt and returns what it prints."""
        self.ready()
        start = len(self.output())
        self.process.popen.stdin.write(text.encode() + b"\n")
        self.process.popen.stdin.flush()
        return self._wait_prompt(start, timeout)

    def forward(self, mode):
        """Sets the forwarding mode: io, mac, macswap, rxonly, txonly, flowgen, icmpecho..."""
        self.command(f"set fwd {mode}")

    def start(self, tx_first=0):
        """Starts forwarding; tx_first: bursts of 32 frames to send before."""
        self.command(f"start tx_first {tx_first}" if tx_first else "start")

    def stop(self):
        return self.command("stop")

    def set_peer(self, mac):
        self.command(f"set eth-peer 0 {mac}")

    def stats(self):
        """Counts since the device was made: {"rx-packets": n, "tx-bytes": n, "rx-missed": n...}."""
        text = self.command("show port stats 0")
        return {name.lower(): int(value) for name, value in re.findall(r"([RT]X-\w+):\s+(\d+)", text)}

    def link_up(self):
        return "Link status: up" in self.command("show port info 0")

    def alive(self):
        return self.process is not None and self.process.alive()

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """kill -9, as a crash or the kernel's memory killer does it."""
        self.process.kill()
        self._forget()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self, timeout=10.0):
        """Lets testpmd quit in good order, or kills it when it does not."""
        if self.alive():
            self.resume()
            with contextlib.suppress(OSError):
                self.process.popen.stdin.write(b"quit\n")
                self.process.popen.stdin.flush()
            with contextlib.suppress(OSError):
                self.process.popen.stdin.close()
            try:
                self.process.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._forget()

    def _forget(self):
        if self.process is not None and self.process.popen.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.popen.stdin.close()
        # EAL makes this folder for root, even when it keeps nothing in it, and leaves it.
        shutil.rmtree(f"/var/run/dpdk/{self._prefix}", ignore_errors=True)
        if self.server:
            self.path.unlink(missing_ok=True)


class Namespace:
    """A network namespace, joined to ours by a veth pair: `outside` here, eth0 with `address` in it.

    No IPv6 on either end, so that no frame crosses but the test's.
    """

    def __init__(self, name, address=None, mac=None):
        self.name = f"weft-{os.getpid()}-{name}"
        self.outside = f"w{os.getpid() % 10**7}-{name}"[:15]
        self.address, self.mac = address, mac

    def __enter__(self):
        require_root()
        require_program("ip")
        _remove_stale_namespaces()
        try:
            _ip("netns", "add", self.name)
        except AssertionError as error:
            skip(f"no network namespaces here: {error}")
        try:
            self.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1") if shutil.which(
                "sysctl") else self.run(
                    "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 || true")
            _ip("link", "add", self.outside, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            with contextlib.suppress(OSError):
                pathlib.Path(f"/proc/sys/net/ipv6/conf/{self.outside}/disable_ipv6").write_text("1")
            if self.mac:
                self.ip("link", "set", "eth0", "address", self.mac)
            if self.address:
                self.ip("address", "add", self.address, "dev", "eth0")
            self.ip("link", "set", "lo", "up")
            self.ip("link", "set", "eth0", "up")
            _ip("link", "set", self.outside, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # Removing an end of a veth pair removes both.
        for words in (["link", "delete", self.outside], ["netns", "delete", self.name]):
            with contextlib.suppress(AssertionError):
                _ip(*words)

    def ip(self, *words):
        return _ip("-n", self.name, *words)

    def run(self, *argv, timeout=30, check=True):
        """Runs a program in the namespace; a CompletedProcess. check: it has to succeed."""
        result = subprocess.run(["ip", "netns", "exec", self.name, *map(str, argv)], text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))}: {result.stdout}{result.stderr}")
        return result

    def process(self, name, *argv):
        """Starts a program in the namespace; a Process that the caller kills."""
        return Process(name, ["ip", "netns", "exec", self.name, *argv])


def _ip(*words):
    result = subprocess.run(["ip", *words], text=True, stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=20)
    if result.returncode != 0:
        raise AssertionError(f"ip {' '.join(words)}: {result.stderr.strip()}")
    return result.stdout


def _remove_stale_namespaces():
    """Namespaces of test programs that were killed before they could clean up."""
    for line in _ip("netns", "list").splitlines():
        match = re.match(r"weft-(\d+)-", line)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            with contextlib.suppress(AssertionError):
                _ip("netns", "delete", line.split()[0])


def _interrupted(number, _frame):
    signal.alarm(0)
    raise KeyboardInterrupt(f"the test took longer than {TIME_LIMIT} s" if number == signal.SIGALRM
                            else signal.Signals(number).name)


def interruptible(time_limit=0):
    """Makes SIGTERM, SIGHUP and the end of time_limit seconds unwind like Ctrl-C, so that every context
    manager still cleans up. SIGINT too: a shell starts its background jobs with it ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _interrupted)
    signal.alarm(time_limit)


def run(*tests):
    """Runs the test functions in turn and exits: 0 when all passed, 77 when all that did not pass were
    skipped, else 1."""
    interruptible(TIME_LIMIT)
    skipped = 0
    for test in tests:
        name, start = test.__name__.replace("_", " "), time.monotonic()
        try:
            test()
        except Skip as reason:
            skipped += 1
            print(f"skipped  {name}: {reason}", flush=True)
        except BaseException:  # KeyboardInterrupt is how a time limit arrives
            traceback.print_exc()
            print(f"FAILED   {name}", flush=True)
            sys.exit(1)
        else:
            print(f"passed   {name} ({time.monotonic() - start:.1f} s)", flush=True)
    sys.exit(SKIPPED if skipped else 0)
