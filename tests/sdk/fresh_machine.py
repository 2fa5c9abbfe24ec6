#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/dev/add-a-node.md typed word by word on a bare Debian 12 that has the installation and nothing else of weft.

A debootstrap of the smallest variant in a directory of its own, with a user who may use sudo; the page's own lines install
what they need. It takes root, the network and some minutes, so it is for `make fresh` and not for `make test`. All that is
mounted is in a mount namespace of this script's, and goes with it.

usage: fresh_machine.py [--mirror URL] [--keep]
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from installation import e2e, run
from tutorial_test import FOLDER, PAGE, Reader, check

DEBOOTSTRAP = shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin")
# Those for a shell may have no language: lines that only a machine that lacks something needs.
BLOCK = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
USER = "reader"
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": f"/home/{USER}", "LC_ALL": "C.UTF-8"}


class Machine(Reader):
    """A reader there, in a home of their own."""

    def __init__(self, root):
        self.root, self.at, self.weftd, self.said = root, pathlib.Path(ENVIRONMENT["HOME"]), None, {}

    def argv(self, line):
        return ["chroot", f"--userspec={USER}:{USER}", self.root, "/usr/bin/env", "-i",
                *(f"{key}={value}" for key, value in ENVIRONMENT.items()),
                "/bin/sh", "-ec", f"cd {shlex.quote(str(self.at))} && {line}"]

    def write(self, name, text):
        path = self.root / str(self.at / name).lstrip("/")
        with path.open("a") as file:
            file.write(("\n" if file.tell() else "") + text)
        shutil.chown(path, path.parent.stat().st_uid, path.parent.stat().st_gid)

    def type(self, line):
        print(f"$ {line}", flush=True)
        result = subprocess.run(self.argv(line), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=1200, check=False)
        if result.returncode != 0:
            raise AssertionError(f"{line}: exit status {result.returncode}\n{result.stdout}")
        return result.stdout

    def shell(self, line):
        if line.startswith("cd "):
            self.at = self.at / line.removeprefix("cd ")
        elif line == "weftd startup.conf":
            print(f"$ {line} &", flush=True)
            self.weftd = e2e.Process("weftd", self.argv(f"exec {line}"))
            e2e.wait_for(self.ready, "weftd is ready")
        else:
            self.said[line] = self.type(line)

    def node_has_run(self):
        return "mac-guard" in subprocess.run(self.argv("weftctl show runtime"), text=True, capture_output=True,
                                             check=False).stdout


def follow(root):
    machine = Machine(root)
    machine.type("sudo apt-get -q update")
    try:
        for language, path, text in BLOCK.findall(PAGE.read_text()):
            if path.startswith(FOLDER):
                machine.write(path.removeprefix(FOLDER), text)
            elif language == "sh" or text.startswith("sudo "):
                for line in text.splitlines():
                    if line == "weftctl show plugins":
                        e2e.wait_for(machine.node_has_run, "packets reach the node")
                    machine.shell(line)
        check(machine, root / str(machine.at).lstrip("/"))
    finally:
        if machine.weftd is not None and machine.weftd.alive():
            machine.weftd.send_signal(15)
            machine.weftd.wait(30)
    for line in "weftctl show plugins", "weftctl show runtime", "weftctl show drops":
        print(f"$ {line}\n{machine.said[line]}", flush=True)


def inside(root, mirror):
    """In the namespace."""
    subprocess.run([DEBOOTSTRAP, "--variant=minbase", "--include=sudo", "bookworm", root, mirror], check=True,
                   stdout=subprocess.DEVNULL)
    run("chroot", root, "/usr/sbin/useradd", "--create-home", USER)
    (root / "etc" / "sudoers.d" / USER).write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    run("cmake", "--install", e2e.BUILD, "--prefix", "/usr/local", DESTDIR=str(root))
    for source, target, options in (("proc", "proc", ["-t", "proc"]), ("/sys", "sys", ["--rbind"]), ("/dev", "dev", ["--rbind"])):
        run("mount", *options, source, root / target)
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    follow(root)


def mirror_of_this_machine():
    for path in [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("debian*"))]:
        if path.is_file() and (found := re.search(r"(?m)^(?:deb|URIs:)\s+(\S+/debian/?)\s*", path.read_text())):
            return found[1]
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mirror", default=mirror_of_this_machine())
    parser.add_argument("--keep", action="store_true", help="leave the machine where it is")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(pathlib.Path(options.inside), options.mirror)
        return 0
    if os.geteuid() != 0 or DEBOOTSTRAP is None:
        print("skipped: it takes root and debootstrap")
        return 77
    if options.mirror is None:
        parser.error("apt's sources name no Debian archive; say one with --mirror URL")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="weft-fresh-"))
    directory.chmod(0o755)
    try:
        words = ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", __file__, "--inside", directory / "root",
                 "--mirror", options.mirror]
        return subprocess.run([str(word) for word in words], check=False).returncode
    finally:
        print(directory) if options.keep else shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
