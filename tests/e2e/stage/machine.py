# SPDX-License-Identifier: Apache-2.0
"""What a test borrows of the machine and gives back: network namespaces and huge pages."""
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

from .checks import require_program, require_root, skip
from .process import Process


class Namespace:
    """A network namespace, joined to ours by a veth pair: `outside` here, eth0 with `address` in it.

    No IPv6 on either end, so that no frame crosses but the test's. beside: another Namespace, in which
    `outside` is then. alone: no veth pair.
    """

    def __init__(self, name, address=None, mac=None, beside=None, alone=False):
        self.name = f"weft-{os.getpid()}-{name}"
        self.outside = f"w{os.getpid() % 10**7}-{name}"[:15]
        self.address, self.mac, self._beside, self._alone = address, mac, beside, alone
        self.prefix = ["ip", "netns", "exec", self.name]

    def __enter__(self):
        require_root()
        require_program("ip")
        _remove_stale_namespaces()
        try:
            _ip("netns", "add", self.name)
        except AssertionError as error:
            skip(f"no network namespaces here: {error}")
        try:
            self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 || true")
            self.ip("link", "set", "lo", "up")
            if not self._alone:
                self.plug()
        except BaseException:
            self.__exit__()
            raise
        return self

    def plug(self):
        """Makes the veth pair, again after unplug()."""
        other = _ip if self._beside is None else self._beside.ip
        other("link", "add", self.outside, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        if self._beside is None:
            with contextlib.suppress(OSError):
                pathlib.Path(f"/proc/sys/net/ipv6/conf/{self.outside}/disable_ipv6").write_text("1")
        if self.mac:
            self.ip("link", "set", "eth0", "address", self.mac)
        if self.address:
            self.ip("address", "add", self.address, "dev", "eth0")
        self.ip("link", "set", "eth0", "up")
        other("link", "set", self.outside, "up")

    def unplug(self):
        """Removes the veth pair, both ends."""
        self.ip("link", "delete", "eth0")

    def __exit__(self, *_):
        # Removing an end of a veth pair removes both; a namespace takes those in it along.
        if self._beside is None and not self._alone:
            with contextlib.suppress(AssertionError):
                _ip("link", "delete", self.outside)
        with contextlib.suppress(AssertionError):
            _ip("netns", "delete", self.name)

    def ip(self, *words):
        return _ip("-n", self.name, *words)

    def run(self, *argv, timeout=30, check=True):
        """Runs a program in the namespace; a CompletedProcess. check: it has to succeed."""
        result = subprocess.run([*self.prefix, *map(str, argv)], text=True,
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        if check and result.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))}: {result.stdout}{result.stderr}")
        return result

    def process(self, name, *argv):
        """Starts a program in the namespace; a Process that the caller kills."""
        return Process(name, [*self.prefix, *argv])

    def ping(self, address, count, *options):
        """Pings; the number of echoes that came back."""
        # Each echo request waits for its reply, or for so many seconds that nobody answers any more.
        result = self.run("ping", "-n", "-c", count, "-i", "0.01", "-W", "10", *options, address,
                          timeout=60, check=False)
        return int(re.search(r"(\d+) received", result.stdout)[1])

    def send(self, frames, interface="eth0"):
        """Sends raw Ethernet frames, each from its destination address on."""
        program = ("import socket, sys\n"
                   "port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
                   "port.bind((sys.argv[1], 0))\n"
                   "for frame in sys.argv[2:]: port.send(bytes.fromhex(frame))\n")
        self.run(sys.executable, "-c", program, interface, *(frame.hex() for frame in frames))

    def received(self, interface="eth0"):
        """How many frames the kernel took from this interface."""
        link, = json.loads(self.ip("-json", "-statistics", "link", "show", interface))
        return link["stats64"]["rx"]["packets"]


class HugePages:
    """At least `count` free huge pages of 2 MB while it lasts; skips if the machine has no room."""
    _NUMBER = pathlib.Path("/proc/sys/vm/nr_hugepages")

    def __init__(self, count):
        self._count, self._before = count, None

    @staticmethod
    def free():
        return int(re.search(r"HugePages_Free:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])

    def __enter__(self):
        require_root()
        if "Hugepagesize:       2048 kB" not in pathlib.Path("/proc/meminfo").read_text():
            skip("no huge pages of 2 MB here")
        self._before = self._NUMBER.read_text()
        try:
            missing = self._count - self.free()
            if missing > 0:
                self._NUMBER.write_text(str(int(self._before) + missing))
            if self.free() < self._count:
                skip(f"no memory for {self._count} huge pages: {self.free()} are free")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._NUMBER.write_text(self._before)


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
