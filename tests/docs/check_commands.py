# SPDX-License-Identifier: Apache-2.0
"""Every weftctl command that a page names is one: a running weftd takes it.

A command stands in backquotes behind "weftctl", or in the first column of README.md's table of commands.
What stands in [brackets] may be there or not; NAME and PORT are one. Pages of plugins show whole sessions.
"""
import pathlib
import re
import sys
import tempfile

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import weft_e2e as e2e  # noqa: E402  (the path comes first)

PLUGINS = sorted(path.stem for path in (e2e.BUILD / "plugins").glob("*.so"))
CONFIG = f"[plugins]\nload = {PLUGINS}\n" + e2e.ports("web-1", "web-2")
VERBS = ("show", "clear", "trace", "port", "config", "help")


def commands(text):
    named = re.findall(r"`weftctl ([^`|]+)`?", text)
    for row in re.findall(r"^\| (`(?:show|trace|port|config) .*?) \|", text, re.MULTILINE):
        named += re.findall(r"`([^`]+)`", row)
    for command in named:
        command = command.strip().replace("NAME", "web-1").replace("PORT", "web-1")
        if command.split()[0] in VERBS:
            yield re.sub(r" ?\[.*?\]", "", command)
            yield command.replace("[", "").replace("]", "")


def every_command_is_one():
    # The reference is made of the commands themselves.
    pages = [path for path in sorted(ROOT.rglob("*.md")) if not {"build", "reference"} & set(path.relative_to(ROOT).parts)]
    named = {page.relative_to(ROOT): list(dict.fromkeys(commands(page.read_text()))) for page in pages}
    e2e.at_least(len(named[pathlib.Path("README.md")]), 10, "commands in README.md")
    with e2e.Weftd(CONFIG) as weft:
        for page, lines in named.items():
            for line in lines:
                result = weft.weftctl(line)
                e2e.equal((result.returncode, result.stderr), (0, ""), f"{page}: weftctl {line}")


def what_pages_of_plugins_show():
    """The first startup.conf of a page and then, one after the other, the commands of its shell examples."""
    for name in ("mirror", "packet-generator", "policer"):
        text = (ROOT / "docs" / "plugins" / f"{name}.md").read_text()
        config, *_ = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = re.findall(r"^weftctl (.*?) *(?:#.*)?$", "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)),
                           re.MULTILINE)
        e2e.at_least(len(lines), 3, f"commands that {name}.md shows")
        with tempfile.TemporaryDirectory(prefix="weft-docs-") as scratch:
            wrpcap(f"{scratch}/web-2.pcapng", [Ether(dst="02:00:00:00:00:22") / IP() / UDP()])
            with e2e.Weftd(config.replace("/var/tmp", scratch)) as weft:
                for line in lines:
                    result = weft.weftctl(line.replace("/var/tmp", scratch))
                    e2e.equal((result.returncode, result.stderr), (0, ""), f"{name}.md: weftctl {line}")


if __name__ == "__main__":
    e2e.run(every_command_is_one, what_pages_of_plugins_show)
