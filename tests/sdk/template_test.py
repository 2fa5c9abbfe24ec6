# SPDX-License-Identifier: Apache-2.0
"""`weftctl plugin new NAME` writes a plugin that builds, passes its test and is loaded, with the installation alone."""
import re

from installation import ROOT, e2e, installed, run

BAD_NAMES = ("Hello", "9x", "a--b", "-a", "a-", "a b", "a_b", "../a", "", "x" * 33)


def a_new_plugin():
    with installed() as weft:
        says = run(weft.weftctl, "plugin", "new", "my-hello", cwd=weft.scratch)
        plugin = weft.scratch / "my-hello"
        e2e.equal("cmake -B build" in says, True, "it says how to go on")
        files = sorted(path.name for path in plugin.iterdir())
        e2e.equal(files, [".gitignore", "CMakeLists.txt", "my-hello.md", "my_hello.case", "my_hello.cc", "startup.conf"],
                  "its files")
        for path in plugin.iterdir():
            e2e.equal(re.findall("(?i)new.?plugin", path.read_text()), [], f"other names in {path.name}")
        build = weft.build(plugin)
        e2e.equal("100% tests passed, 0 tests failed out of 1" in run("ctest", "--test-dir", build), True, "ctest")
        e2e.equal(run(weft.weftctl, "plugin", "test", cwd=plugin), "passed  my_hello.case\n", "weftctl plugin test")
        bench = run("cmake", "--build", build, "--target", "bench-my-hello")
        e2e.equal(bool(re.search(r"(?m)^my-hello +\d+ +\d+\.\d\d ", bench)), True, "the benchmark has its node")
        e2e.equal("fine: 2 ports" in run(weft.weftd, "--check", "startup.conf", cwd=plugin), True, "weftd --check")
        # What the page says of the node is what the node declares.
        page, nodes = (plugin / "my-hello.md").read_text(), run(weft.weftd, "--nodes", "startup.conf", cwd=plugin)
        own = nodes[nodes.index("# my-hello\n"):]
        for row in re.findall(r"(?m)^\| `(?:longest|too-long)`.*$", own):
            e2e.equal(row in page, True, f"the page has: {row}")
        e2e.at_least(len(re.findall(r"(?m)^\| `(?:longest|too-long)`.*$", own)), 2, "rows of its tables")


def a_test_that_fails_says_why():
    with installed() as weft:
        run(weft.weftctl, "plugin", "new", "hello", cwd=weft.scratch)
        plugin = weft.scratch / "hello"
        source = (plugin / "hello.cc").read_text()
        (plugin / "hello.cc").write_text(source.replace("packet.length() > port", "packet.length() >= port"))
        weft.build(plugin)
        says = run(weft.weftctl, "plugin", "test", cwd=plugin, status=1)
        for line in ("FAILED  hello.case", "  - web-1 hello too-long 1", "  + web-1 hello too-long 2"):
            e2e.equal(line in says, True, f"it says: {line}\n{says}")
        says = run(weft.weftctl, "plugin", "test", "none.case", cwd=plugin, status=1)
        e2e.equal(says, 'cannot read "none.case": No such file or directory\nweftctl: the test failed\n', "a case that there is not")
        says = run(weft.weftctl, "plugin", "test", cwd=weft.scratch, status=1)
        e2e.equal(says, "weftctl: there is no *.case in this folder, and none was named\n", "no case at all")


def what_cannot_be_made():
    weftctl = e2e.BUILD / "weftctl"
    with installed() as weft:
        for name in BAD_NAMES:
            says = run(weftctl, "plugin", "new", name, cwd=weft.scratch, status=1)
            e2e.equal(says.startswith(f'weftctl: "{name}" is no name of a plugin: '), True, says)
        run(weftctl, "plugin", "new", "x" * 32, cwd=weft.scratch)
        (weft.scratch / "there").mkdir()
        (weft.scratch / "there" / "mine").write_text("mine")
        says = run(weftctl, "plugin", "new", "there", cwd=weft.scratch, status=1)
        e2e.equal(says, "weftctl: ./there is there already\n", "an existing folder")
        e2e.equal([path.name for path in (weft.scratch / "there").iterdir()], ["mine"], "it is left alone")


def the_node_is_short():
    for path in ("core/sdk/template/new_plugin.cc", "plugins/mac_guard/mac_guard.cc"):
        lines = (ROOT / path).read_text().splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("class "))
        e2e.at_least(35, lines.index("};", first) - first + 1, f"lines of the node in {path}")


if __name__ == "__main__":
    e2e.run(a_new_plugin, a_test_that_fails_says_why, what_cannot_be_made, the_node_is_short)
