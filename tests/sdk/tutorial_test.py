# SPDX-License-Identifier: Apache-2.0
"""docs/dev/add-a-node.md, done line by line by somebody who has the installation and the page.

A block that names a file of the plugin's folder is written to that file, behind the blocks before; a block of `sh` is run where
the page stands. weftd runs as an ordinary user if we are root.
"""
import os
import pathlib
import re

from installation import ROOT, e2e, installed, run, stays_outside

PAGE = ROOT / "docs" / "dev" / "add-a-node.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDER = "plugins/mac_guard/"


class Reader:
    def __init__(self, weft):
        self.weft, self.at, self.user = weft, weft.scratch, e2e.ordinary_user()
        self.weftd, self.said = None, {}
        self.environment = {"PATH": f"{weft.prefix}/bin:{os.environ['PATH']}", "CMAKE_PREFIX_PATH": str(weft.prefix),
                            "XDG_RUNTIME_DIR": str(weft.scratch)}
        if self.user is not None:
            # What root has built may be read by everybody; the sockets are this user's.
            for path in (weft.prefix.parent, weft.scratch):
                path.chmod(0o755)
            runtime = weft.scratch / "weft"
            runtime.mkdir()
            os.chown(runtime, self.user, self.user)
            self.environment["WEFT_SOCKET"] = str(runtime / "control.sock")

    def write(self, name, text):
        path = self.at / name
        with path.open("a") as file:
            file.write(("\n" if file.tell() else "") + text)

    def shell(self, line):
        if line.startswith("cd "):
            self.at = self.at / line.removeprefix("cd ")
        elif line == "weftd startup.conf":
            self.weftd = e2e.Process("weftd", ["/bin/sh", "-c", f"cd {self.at} && exec {self.weft.weftd} startup.conf"],
                                     environment=self.environment, user=self.user)
            e2e.wait_for(self.ready, "weftd is ready")
        else:
            self.said[line] = run("/bin/sh", "-ec", line, cwd=self.at, **self.environment)

    def node_has_run(self):
        return "mac-guard" in run(self.weft.weftctl, "show", "runtime", **self.environment)

    def ready(self):
        if not self.weftd.alive():
            raise AssertionError(f"weftd has ended:\n{self.weftd.log()}")
        return "the shell is" in self.weftd.log()


def the_page_from_top_to_bottom():
    with installed() as weft:
        reader = Reader(weft)
        try:
            for language, path, text in BLOCK.findall(PAGE.read_text()):
                if path.startswith(FOLDER):
                    reader.write(path.removeprefix(FOLDER), text)
                elif language == "sh":
                    for line in text.splitlines():
                        if line == "weftctl show plugins":
                            e2e.wait_for(reader.node_has_run, "packets reach the node")
                        reader.shell(line)
            check(reader, reader.at)
        finally:
            if reader.weftd is not None:
                if reader.weftd.alive():
                    reader.weftd.send_signal(15)
                    reader.weftd.wait(30)
        e2e.equal(reader.weftd.popen.returncode, 0, "weftd's exit status")


def check(reader, folder):
    """That all was said that the page says; `folder` is where the plugin was built."""
    said = reader.said
    stays_outside("".join(path.read_text() for path in pathlib.Path(folder, "build").rglob("*.d")), "the compiler")
    e2e.equal("100% tests passed, 0 tests failed out of 1" in said["ctest --test-dir build"], True, "ctest")
    e2e.equal(said["weftctl plugin test"], "passed  mac_guard.case\n", "weftctl plugin test")
    e2e.equal("fine: 2 ports" in said["weftd --check startup.conf"], True, "weftd --check")
    e2e.equal(bool(re.search(r"(?m)^mac-guard +0\.1 +running +mac-guard ", said["weftctl show plugins"])), True, "show plugins")
    e2e.equal(bool(re.search(r"(?m)^ *\d+ +mac-guard +\d+ +\d+ ", said["weftctl show runtime"])), True, "show runtime")
    e2e.equal(bool(re.search(r"(?m)^noise +mac-guard +spoofed +\d+", said["weftctl show drops"])), True, "show drops")
    e2e.equal(bool(re.search(r"(?m)^mac-guard +\d+ ", said["cmake --build build --target bench-mac-guard"])), True,
              "the benchmark")


if __name__ == "__main__":
    e2e.run(the_page_from_top_to_bottom)
