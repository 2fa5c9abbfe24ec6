# SPDX-License-Identifier: Apache-2.0
"""Containers of the kernel's, by podman."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from .checks import require_program, skip


class Podman:
    """A podman of the test's own, with an image that is busybox and the `programs` of this machine."""

    def __init__(self, *programs):
        self._programs = programs

    def __enter__(self):
        for program in ("podman", "runc", *self._programs):
            require_program(program)
        busybox = shutil.which("busybox")
        if busybox is None or b"/ld-linux" in pathlib.Path(busybox).read_bytes():
            skip("no static busybox here")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-podman-"))
        try:
            (self.folder / "containers.conf").write_text(
                '[containers]\ndefault_ulimits=["nofile=20000:20000","nproc=4096:4096"]\n'
                '[engine]\ncgroup_manager="cgroupfs"\nruntime="runc"\nevents_logger="file"\n')
            root = self.folder / "image" / "bin"
            root.mkdir(parents=True)
            (self.folder / "image" / "tmp").mkdir()  # iperf3 keeps there what it sends
            shutil.copy(busybox, root / "busybox")
            for name in ("sh", "ping", "ip", "nc", "cat", "httpd", "wget", "sleep"):
                (root / name).symlink_to("busybox")
            for name in self._programs:
                self._take(shutil.which(name))
            subprocess.run(["tar", "-C", self.folder / "image", "-cf", self.folder / "image.tar", "."], check=True)
            try:
                self.run("import", self.folder / "image.tar", "localhost/bb:1")
            except AssertionError as error:
                skip(f"podman does not work here: {error}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _take(self, program):
        """Puts a program and the libraries that it needs into the image."""
        libraries = subprocess.run(["ldd", program], text=True, capture_output=True, check=True).stdout
        for path in [program, *re.findall(r"(/\S+) \(0x", libraries)]:
            to = self.folder / "image" / path.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)

    def run(self, *words, timeout=60, check=True):
        result = subprocess.run(
            ["podman", "--root", self.folder / "root", "--runroot", self.folder / "runroot", "--tmpdir",
             self.folder / "tmp", "--storage-driver", "vfs", *map(str, words)], text=True, timeout=timeout,
            stdin=subprocess.DEVNULL, capture_output=True,
            env={**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")})
        if check and result.returncode != 0:
            raise AssertionError(f"podman {' '.join(map(str, words))}: {result.stdout}{result.stderr}")
        return result.stdout

    def __exit__(self, *_):
        if (self.folder / "root").exists():
            for words in (("rm", "--all", "--force", "--time", "0"), ("rmi", "--all", "--force")):
                with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                    self.run(*words)
        for mount in ("root", "runroot"):
            subprocess.run(["umount", "-l", self.folder / mount], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
