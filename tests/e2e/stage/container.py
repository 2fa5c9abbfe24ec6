# SPDX-License-Identifier: Apache-2.0
"""Containers: dpdk-testpmd processes with a virtio-user device."""
import contextlib
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from .checks import GOOD_ENDS, require_program
from .process import Process


def floating_lcores(count):
    """EAL's --lcores for `count` threads that the kernel may move over all our CPUs: a container is an
    ordinary process and must not claim a CPU of a small machine."""
    cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0)))
    return ",".join(f"{lcore}@({cpus})" for lcore in range(count))


class Testpmd:
    """A container: an interactive dpdk-testpmd with one virtio-user device.

    server: the container listens on the socket and weft connects. memory: "no-huge" needs nothing of
    the machine, "in-memory" needs huge pages. mode: testpmd's forwarding mode. peer: where generated
    frames go. ring: descriptors in each ring, if not testpmd's 256. options, device: more arguments
    for testpmd and for the virtio-user device. user: the uid that it runs as, if not ours.
    """
    __test__ = False  # not a test class, whatever its name
    SOCKET = "vhost.sock"  # in the port's directory
    _serial = 0
    # testpmd's other thread says what happens to the device, in the middle of a prompt if it must.
    _PROMPT = re.compile(r"(?:\nPort \d+: [\w ]+ event\n)?".join("testpmd> "))
    _MEMORY = {"no-huge": ["--no-huge", "-m", "128"],
               "in-memory": ["--in-memory", "--single-file-segments", "-m", "64"]}

    def __init__(self, path, mac=None, server=False, memory="no-huge", queues=1, mode="io", peer=None,
                 mbufs=2048, ring=None, options=(), device="", user=None):
        Testpmd._serial += 1
        self._user = user
        self.name = pathlib.Path(path).parent.name or "container"
        self.mac, self.server, self.path = mac, server, pathlib.Path(path)
        self._prefix = f"weft-{os.getpid()}-{Testpmd._serial}"
        vdev = self._device(queues, ring) + (f",{device}" if device else "")
        self.argv = ["dpdk-testpmd", "--lcores", floating_lcores(2), "--no-pci", *self._MEMORY[memory],
                     "--no-telemetry", "--no-shconf", f"--file-prefix={self._prefix}", f"--vdev={vdev}",
                     "--", "-i", "--no-mlockall", f"--total-num-mbufs={mbufs}",
                     f"--forward-mode={mode}", f"--rxq={queues}", f"--txq={queues}",
                     *([f"--rxd={ring}", f"--txd={ring}"] if ring else []),
                     *([f"--eth-peer=0,{peer}"] if peer else []), *options]
        self.process = None
        self._output = ""
        self._changed = threading.Condition()

    def _device(self, queues, ring):
        return (f"net_virtio_user0,path={self.path},queues={queues}"
                + (f",mac={self.mac}" if self.mac else "")
                + (",server=1" if self.server else "")
                + (f",queue_size={ring}" if ring else ""))

    def __enter__(self):
        require_program("dpdk-testpmd")
        self._scratch = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-"))
        try:
            if self._user is not None:
                os.chown(self._scratch, self._user, self._user)
            self.start_process()
            if not self.server:
                self.ready()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind not in GOOD_ENDS and self.process is not None:
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
                                   {"XDG_RUNTIME_DIR": str(self._scratch)}, subprocess.PIPE, slave,
                                   self._user)
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
            while not (prompt := self._PROMPT.search(self._output, start)):
                left = deadline - time.monotonic()
                if left <= 0 or not self.alive():
                    raise AssertionError(f"container {self.name} gave no prompt within {timeout:g} s")
                self._changed.wait(min(left, 0.1))
            return self._output[start:prompt.start()]

    def ready(self, timeout=60.0):
        """Waits until testpmd runs. A container that listens waits for weft before it does."""
        self._wait_prompt(0, timeout)

    def command(self, text, timeout=60.0):
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

    def close(self, timeout=60.0):
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


class MemifTestpmd(Testpmd):
    """A container with a net_memif device instead: the client, or with server=True the one that
    listens. ring: a power of two."""
    SOCKET = "memif.sock"

    def _device(self, _queues, ring):
        return (f"net_memif0,role={'server' if self.server else 'client'},socket={self.path},socket-abstract=no"
                + (f",mac={self.mac}" if self.mac else "")
                + (f",rsize={ring.bit_length() - 1}" if ring else ""))
