# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` leaves is all that a plugin needs, by CMake and by pkg-config."""
import itertools
import os
import pathlib
import re
import shutil
import subprocess

from installation import ROOT, e2e, installed, run, stays_outside

PAGES = ROOT / "README.md", ROOT / "docs" / "dev" / "add-a-node.md"
MAC_GUARD = ROOT / "plugins" / "mac_guard" / "mac_guard.cc"
PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(mine VERSION 1.2 LANGUAGES CXX)
find_package(weft REQUIRED)
weft_add_plugin(mac-guard mac_guard.cc)
"""


def check(weft, directory):
    """What the installed weftd says of a configuration that loads the plugin from there."""
    config = weft.scratch / "startup.conf"
    config.write_text(f'[weft]\nruntime-dir = "{weft.scratch}/run"\n'
                      f'[plugins]\ndirectory = "{directory}"\nload = ["mac-guard"]\n'
                      '[[port]]\nname = "web-1"\nvhost = {}\nmac-guard = { allow = "02:00:00:00:00:11" }\n')
    return run(weft.weftd, "--check", config)


def a_plugin_by_cmake():
    with installed() as weft:
        source = weft.scratch / "mine"
        source.mkdir()
        shutil.copy(MAC_GUARD, source)
        (source / "CMakeLists.txt").write_text(PROJECT)
        build = weft.build(source)
        e2e.equal("fine: 1 port" in check(weft, build), True, "weftd takes it")
        run("cmake", "--install", build, "--prefix", weft.scratch / "there")
        e2e.equal((weft.scratch / "there/lib/weft/plugins/mac-guard.so").is_file(), True, "it can be installed")


def a_plugin_by_pkg_config():
    with installed() as weft:
        config = next(weft.prefix.rglob("weft.pc"))
        flags = run("pkg-config", "--cflags", "--libs", "weft", PKG_CONFIG_PATH=str(config.parent)).split()
        e2e.equal([flag for flag in flags if flag.startswith("-l")], [], "libraries that a plugin links")
        source = weft.scratch / "mac_guard.cc"
        shutil.copy(MAC_GUARD, source)
        directory = weft.scratch / "plugins"
        directory.mkdir(mode=0o755)
        run(os.environ.get("CXX", "g++"), "-O2", "-shared", "-MD", *flags, source, "-o", directory / "mac-guard.so")
        stays_outside(next(weft.scratch.rglob("*.d")).read_text(), "the compiler")
        e2e.equal("fine: 1 port" in check(weft, directory), True, "weftd takes it")


def opening(path):
    """What a header begins with, behind its licence."""
    lines = path.read_text().splitlines()[1:]
    return " ".join(line.removeprefix("//").strip() for line in itertools.takewhile(lambda line: line.startswith("//"), lines))


def every_header_is_whole():
    """It compiles, and begins with what it is and which thread calls it, as docs/dev/sdk.md promises."""
    with installed() as weft:
        include = weft.prefix / "include" / "weft"
        headers = sorted(str(path.relative_to(include)) for path in include.rglob("*.h"))
        e2e.at_least(len(headers), 40, "headers")
        silent = [header for header in headers if not re.search(r"\b(threads?|[Ww]orkers?)\b", opening(include / header))]
        e2e.equal(silent, [], "headers whose first comment does not name their thread")
        source = weft.scratch / "mine"
        source.mkdir()
        (source / "all.cc").write_text("".join(f'#include "{header}"\n' for header in headers))
        (source / "CMakeLists.txt").write_text(
            PROJECT.replace("weft_add_plugin(mac-guard mac_guard.cc)",
                            "add_library(headers OBJECT all.cc)\ntarget_compile_features(headers PRIVATE cxx_std_20)\n"
                            "target_link_libraries(headers PRIVATE weft::sdk)"))
        weft.build(source)


def the_rest_is_there():
    with installed() as weft:
        for path in ("bin/weftd", "bin/weftctl", "lib/weft/plugins/mac-guard.so", "share/man/man1/weftctl.1", "share/man/man8/weftd.8",
                     "share/bash-completion/completions/weftctl", "share/zsh/site-functions/_weftctl",
                     "share/weft/grafana/weft.json", "share/doc/weft/examples/startup.conf",
                     "share/doc/weft/docs/dev/add-a-node.md", "share/doc/weft/LICENSE"):
            e2e.equal((weft.prefix / path).is_file(), True, path)
        e2e.equal(run(weft.weftctl, "--help").startswith("usage: weftctl"), True, "weftctl runs")


def dependencies():
    """{package: the packages that it depends on}, of those that are here."""
    def names(text):
        return {re.split(r"[ :(]", one.strip())[0] for one in re.split(r"[,|]", text)} - {""}
    lines = run("dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\n").splitlines()
    return {name: names(depends) for name, depends in (line.split("\t") for line in lines)}


def libraries_of(program):
    """The files that the loader would take for it."""
    return {pathlib.Path(match[1]).resolve() for match in re.finditer(r"=> (/\S+)", run("ldd", program))}


def owners_of(files):
    """{file's name: the packages that it may be of}. dpkg knows one of the two names of a directory that is the same."""
    paths = [path for file in files for path in (str(file), str(file).removeprefix("/usr"))]
    found = subprocess.run(["dpkg", "-S", *paths], capture_output=True, text=True, check=False).stdout
    owners = {file.name: set() for file in files}
    for line in found.splitlines():
        packages, _, path = line.rpartition(": ")
        owners[pathlib.Path(path).name] |= {package.split(":")[0] for package in packages.split(", ")}
    return owners


def the_pages_lines_bring_every_library():
    """On a bare machine the programs start: the packages that the pages name bring all that they are linked with, one
    by way of another or not."""
    depends = dependencies()
    with installed() as weft:
        programs = [weft.weftd, weft.weftctl, *(weft.prefix / "lib/weft/plugins").glob("*.so")]
        owners = owners_of(sorted(set().union(*map(libraries_of, programs))))
    for page in PAGES:
        lines = re.findall(r"(?m)^sudo apt-get install -y (.*?)(?:  +#.*)?$", page.read_text())
        brought, new = {"libc6", "libgcc-s1", "libstdc++6"}, set(" ".join(lines).split())
        while new:
            brought |= new
            new = set().union(*(depends.get(package, set()) for package in new)) - brought
        missing = {name: sorted(packages) for name, packages in owners.items() if not packages & brought}
        e2e.equal(missing, {}, f"libraries that the lines of {page.name} do not bring")


if __name__ == "__main__":
    e2e.run(a_plugin_by_cmake, a_plugin_by_pkg_config, every_header_is_whole, the_rest_is_there, the_pages_lines_bring_every_library)
