# SPDX-License-Identifier: Apache-2.0
"""weftd will not start, and says why: what is wrong, where, and what to do."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

from weft_e2e import BUILD, Weftd, equal, ports, require_root, run

WRONG = """
[weft]
log = "loud"
runtime-dri = "/tmp/x"
[[bridge]]
name = "default"
ageing = 300
[[port]]
name = "web-1"
bridge = "defualt"
vhost = { sokcet = "/tmp/x", listen = "wefty" }
[[port]]
name = "web-1"
mac = "02:00:00:00:00"
vhost = {}
dpdk = { device = "net_null0" }
[[prot]]
"""
WHAT_IS_WRONG = """\
3:7: [weft]: log: "loud" is not "debug", "info", "warning", "error" or "off"
4:1: [weft]: unknown key "runtime-dri" (did you mean "runtime-dir"?)
7:10: bridge "default": ageing: expected text like "300s", found integer 300
10:10: port "web-1": bridge: no [[bridge]] is named "defualt" (did you mean "default"?)
11:11: port "web-1": unknown key "sokcet" (did you mean "socket"?)
11:39: port "web-1": vhost.listen: "wefty" is not "weft" or "container" (did you mean "weft"?)
13:8: port "web-1": name: is taken by the port on line 8
14:7: port "web-1": mac: "02:00:00:00:00" is no MAC address; write one like "02:00:00:00:00:01"
16:1: port "web-1": is of two kinds, vhost and dpdk; keep one of vhost, dpdk
17:3: unknown section "prot" (did you mean "port"?)
"""


class Attempt:
    """Runs of weftd that are to end by themselves, in a directory of their own."""

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="weft-e2e-")).resolve()
        self.runtime_dir = self.directory / "run"
        self.file = self.directory / "startup.conf"
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def run(self, text, *options):
        """(exit status, standard output, standard error)."""
        if "[weft]" not in text:
            text = f'[weft]\nruntime-dir = "{self.runtime_dir}"\n{text}'
        if "[dpdk]" not in text:
            text += '[dpdk]\neal = ["--no-huge"]\n'
        self.file.write_text(text)
        result = subprocess.run([BUILD / "weftd", *options, self.file], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60)
        return result.returncode, result.stdout, result.stderr

    def refused(self, text, *parts, options=()):
        """weftd ends with status 1 and one sentence with all these parts; returns it."""
        status, out, error = self.run(text, *options)
        equal((status, out), (1, ""), f"status and output, with error {error!r}")
        sentence = error.splitlines()[-1]
        equal([part for part in parts if part not in sentence], [], f"what is not said in {sentence!r}")
        return sentence


def device(text):
    return f'[[port]]\nname = "uplink"\ndpdk = {{ device = "{text}" }}\n'


def all_mistakes_at_once():
    with Attempt() as attempt:
        expected = "".join(f"{attempt.file}:{line}\n" for line in WHAT_IS_WRONG.splitlines())
        for options in ((), ("--check",)):
            equal(attempt.run(WRONG, *options), (1, "", expected), f"answer to weftd {' '.join(options)}")
        attempt.refused("[[port]\nname = 3\n", f"{attempt.file}:", "not TOML", "expected ']'")


def a_check_leaves_nothing_behind():
    with Attempt() as attempt:
        bridge = '[[bridge]]\nname = "default"\n'
        for text, fine in ((ports("web-1", "web-2"), "2 ports in 1 bridge"), (ports("web-1"), "1 port in 1 bridge"),
                           (bridge + bridge.replace("default", "other"), "0 ports in 2 bridges")):
            status, out, error = attempt.run(text, "--check")
            equal((status, out.splitlines()[0], error), (0, f"{attempt.file}: fine: {fine}", ""), "answer to --check")
        for text, sandbox in (("", "of system calls those that a switch without network interfaces needs"),
                              (device("net_null0"), "of system calls those that a switch without"),
                              ('[weft]\nsandbox = "off"\n', "off, weftd keeps every right")):
            out = attempt.run(text, "--check")[1].splitlines()[1]
            equal(sandbox in out, True, f'"{sandbox}" in {out!r}')
        equal(attempt.runtime_dir.exists(), False, "the runtime directory is there")


def what_the_machine_has_not():
    there = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
    with Attempt() as attempt:
        for options in ((), ("--check",)):
            attempt.refused("[workers]\ncores = [999]\n" + ports("web-1"), "core 999 is not available",
                            f"(there are: {there})", options=options)
            attempt.refused(device("net_af_packet0,iface=weft-nothing"), 'port "uplink"',
                            "there is no network interface weft-nothing", "(there are", options=options)
            attempt.refused(device("net_af_paket0,iface=lo"), '(did you mean "net_af_packet"?)',
                            options=options)
            attempt.refused(device("ffff:ff:1f.7"), "there is no PCI device ffff:ff:1f.7", "(there are",
                            options=options)
        # Both ports are checked, and both are reported.
        other = device("net_af_packet1,iface=weft-nobody").replace("uplink", "second")
        status, _, error = attempt.run(device("net_af_packet0,iface=weft-nothing") + other)
        equal((status, len(error.splitlines())), (1, 2), f"status and lines of {error!r}")
        equal(attempt.runtime_dir.exists(), False, "the runtime directory is there")


def too_little_memory():
    with Attempt() as attempt:
        for options in ((), ("--check",)):
            # More than machines have, however they give it.
            attempt.refused("[dpdk]\nmemory = 1048576\neal = ['--no-huge']\n" + ports("web-1"),
                            "[dpdk] memory: DPDK would reserve 2097168 MB, but the machine has", options=options)
            attempt.refused("[dpdk]\nmemory = 1048576\neal = ['--in-memory']\n" + ports("web-1"),
                            "DPDK is to have 2097168 MB of huge pages", "MB are free; reserve more", options=options)
            attempt.refused("[dpdk]\neal = ['--in-memory', '--no-huge']\n" + ports("web-1"), "keep one of them",
                            options=options)
        many = "".join(f'[[port]]\nname = "nic-{i}"\nmtu = 9000\ndpdk = {{ device = "net_null{i}" }}\n'
                       for i in range(8))
        sentence = attempt.refused("[dpdk]\nmemory = 16\neal = ['--no-huge']\n" + many,
                                   "DPDK has no memory for 2559 buffers of 9024 bytes, 24 MB together",
                                   "raise memory in [dpdk]")
        match = re.fullmatch(r'weftd: port "nic-(\d)": device net_null\1: DPDK has .*', sentence)
        equal(match is not None, True, f"one port and its device are named in {sentence!r}")
        equal(list(attempt.runtime_dir.glob("*.sock")), [], "sockets left behind")


@contextlib.contextmanager
def somebody_at(path):
    """A process other than weftd listens there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        yield path


def a_socket_that_is_not_ours():
    require_root()
    with Attempt() as attempt:
        path = attempt.directory / "vhost.sock"
        config = f'[[port]]\nname = "web-1"\nvhost = {{ socket = "{path}" }}\n'
        with somebody_at(path):
            attempt.refused(config, 'port "web-1"', f"in use by pid {os.getpid()}, uid {os.geteuid()}")
            equal(path.is_socket(), True, "somebody's socket is there")
            # What nobody holds is still somebody's, if not ours.
            os.chown(path, 12345, 12345, follow_symlinks=False)
            attempt.refused(config, "a socket of uid 12345", "its owner has to remove it")
            equal(path.stat().st_uid, 12345, "the owner of the socket that is there")
        os.chown(path, 0, 0)
        path.unlink()
        path.write_text("precious")
        attempt.refused(config, "it is a regular file of uid 0", "choose another path or move it away")
        equal(path.read_text(), "precious", "the file's text")
        path.unlink()
        path.symlink_to(attempt.file)
        attempt.refused(config, "it is a symbolic link of uid 0")
        equal(path.is_symlink(), True, "the link is there")
        attempt.refused(config.replace("vhost.sock", "x" * 120), "a UNIX socket can have at most 107",
                        options=("--check",))


def a_second_weftd():
    with Weftd(ports("web-1")) as weft, Attempt() as attempt:
        config = f'[weft]\nruntime-dir = "{weft.runtime_dir}"\n' + ports("web-1")
        attempt.refused(config, f"in use by pid {weft.pid}, uid {os.geteuid()}")
        attempt.refused(config.replace("web-1", "web-2"), "control.sock", f"in use by pid {weft.pid}")
        equal(weft.port("web-1")["state"], "down", "the port of the first")
        equal(weft.socket("web-1").is_socket(), True, "the socket of the first is there")


def a_plugin_of_another_weft():
    with Attempt() as attempt:
        plugins = attempt.directory / "plugins"
        plugins.mkdir()
        path = plugins / "mac-guard.so"
        config = f'[plugins]\ndirectory = "{plugins}"\nload = ["mac-guard"]\n' + ports("web-1")
        attempt.refused(config, 'there is no plugin "mac-guard" in', "there is none at all")
        original = (BUILD / "plugins" / "mac-guard.so").read_bytes()

        def other(part, change):
            """The plugin, with one part of its stamp changed; the value that it had."""
            # A part of the stamp is its name in 24 bytes and its value in 104.
            at = original.index(part.encode() + bytes(24 - len(part)), original.index(b"weft plugin\0")) + 24
            value = original[at:at + 104].rstrip(b"\0").decode()
            path.write_bytes(original[:at] + change(value).encode().ljust(104, b"\0") + original[at + 104:])
            path.chmod(0o755)
            return value
        for part, change in (("SDK version", lambda value: "999"), ("DPDK", lambda value: value + "x"),
                             ("packet layout", lambda value: value.replace("Packet ", "Packet 1"))):
            value = other(part, change)
            attempt.refused(config, f"{attempt.file}:3:1: [plugins] load: plugin {path} was built for",
                            f'{part} is "{change(value)}" there and "{value}" here', "build it again")
        path.write_bytes(original)
        equal(attempt.run(config, "--check")[0], 0, "status with the plugin as it was built")
        path.chmod(0o777)
        attempt.refused(config, "may be written by its group or by others", "chmod go-w")


if __name__ == "__main__":
    run(all_mistakes_at_once, a_check_leaves_nothing_behind, what_the_machine_has_not, too_little_memory,
        a_socket_that_is_not_ours, a_second_weftd, a_plugin_of_another_weft)
