# SPDX-License-Identifier: Apache-2.0
"""Every command of weftctl's that a page names is one.

Commands are what stands in backquotes and begins with "weftctl" or as a command does, and what weftctl is given in
blocks of code. A running weftd with all plugins says what commands, nodes, features and kinds there are; what only
asks is run there, too. Of what stands in [brackets] each command is tried with and without. A command's name alone,
or the beginning of one, may stand in a sentence, not in a block. Sessions of pages of plugins are run.
"""
import pathlib
import re
import shlex
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
RUN = ("show", "clear", "trace", "port", "config", "help")  # where web-1 and web-2 are all that they need
# What stands for something on pages.
SAMPLES = {"NAME": "web-1", "PORT": "web-1", "X": "web-1", "MAC": e2e.mac(1), "N": "5", "SECONDS": "1", "ROUNDS": "2",
           "NODE": "l2-switch", "FEATURE": "mac-guard", "COMMAND": "show ports", "FILE": "some.pcapng"}
# What begins like a command and is none.
OTHERS = {"docs/guide/tracing.md": ["port 80", "port http", "port PORT"], "docs/plugins/mirror.md": ['port "probe" is down'],
          "docs/guide/monitoring.md": ["port"], "CHANGELOG.md": ["show errors"]}
NUMBERS = ("N", "COUNT", "NUMBER")
BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Table:
    """The commands that there are, as `help` has them."""

    def __init__(self, weft):
        self._usages = {}
        for row in weft.ctl("help"):
            words = re.match(r"[a-z0-9 -]*[a-z0-9](?= |$)", row["command"]).group()
            self._usages[tuple(words.split())] = re.findall(r"\[[^]]*\]|\S+", row["command"])[len(words.split()):]

        def values(line):
            candidates = weft.ask({"complete": line})["data"]["candidates"]
            return {candidate["text"] for candidate in candidates if not candidate["placeholder"]}
        self._values = {"NODE": values("trace add "), "KIND": values("port add web-9 "),
                        "FEATURE": values("port feature set web-1 "), "SHELL": values("completion ")}
        for placeholder, known in self._values.items():
            e2e.at_least(len(known), 2, f"values of {placeholder}")

    def begins(self, words):
        """Whether a command's name begins with these words, or these words with the first of a command's."""
        return any(usage[:1] == tuple(words[:1]) for usage in self._usages)

    def is_name(self, words):
        return any(usage[:len(words)] == tuple(words) for usage in self._usages)

    def fault(self, words):
        """What is wrong with a whole command; nothing if it is right."""
        known = [usage for usage in self._usages if tuple(words[:len(usage)]) == usage]
        if not known:
            return "there is no such command"
        name = max(known, key=len)
        items, value, rest = list(self._usages[name]), None, None
        for number, word in enumerate(words[len(name):], len(name)):
            if rest:
                continue
            if value:
                if wrong := self._wrong(value, word):
                    return wrong
                value = None
                continue
            item = next((item for item in items if item.strip("[]").split()[0] == word), None)
            item = item or next((item for item in items if item.strip("[]").rstrip(".").isupper()), None)
            if item is None:
                return f'"{word}" is too much'
            items.remove(item)
            about = item.strip("[]").split()
            if about[0] == word and len(about) == 1:
                continue
            if about[0] == word:
                value = about[1]
            elif about[0] == "COMMAND...":
                # What `help` is given is a name.
                return None if name == ("help",) and self.is_name(words[number:]) else self.fault(words[number:])
            elif about[0].endswith("..."):
                rest = True
            elif wrong := self._wrong(about[0], word):
                return wrong
        if value:
            return f"it ends before {value}"
        if missing := [item for item in items if not item.startswith("[")]:
            return f"it lacks {' '.join(missing)}"
        return None

    def _wrong(self, placeholder, word):
        if placeholder in NUMBERS and not re.fullmatch(r"[\d.]+", word):
            return f'"{word}" is no number'
        if placeholder in self._values and word.split(".")[0] not in self._values[placeholder]:
            return f'there is no {placeholder.lower()} "{word}"'
        return None


def variants(text):
    """The words of a command, without what is in brackets and with it."""
    for line in dict.fromkeys((re.sub(r" ?\[.*?\]", "", text), text.replace("[", "").replace("]", ""))):
        line = re.sub(r"\b[A-Z]+\b(?!=)", lambda name: SAMPLES.get(name[0], name[0]), line)
        yield shlex.split(line)


def of_weftctl(words):
    """The command among weftctl's arguments, without its options and what a shell does behind it."""
    end = next((number for number, word in enumerate(words) if set(word) <= set("|&;<>()")), len(words))
    words = words[:end]
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in ("-s", "--socket", "-f", "--file") else 1:]
    return words


def in_blocks(text):
    """The words of each command in the blocks of code, and of those in a file that a shell hands on."""
    for language, block in BLOCK.findall(text):
        if language not in ("", "sh"):
            continue
        handed_on = None
        for line in block.replace("\\\n", " ").splitlines():
            if handed_on:
                handed_on = None if line == handed_on else handed_on
                if handed_on and line.strip() and not line.startswith("#"):
                    yield shlex.split(line)
            elif line.startswith("weft> "):
                yield shlex.split(line[len("weft> "):])
            elif re.search(r"\bweftctl\b", line) and "`" not in line:
                lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
                lexer.whitespace_split = True
                tokens = list(lexer)
                for number, token in enumerate(tokens):
                    if token == "weftctl" and (words := of_weftctl(tokens[number + 1:])):
                        yield words
                document = re.search(r"<<'?(\w+)'?", line)
                handed_on = document[1] if document else None


def in_sentences(text):
    for quoted in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", BLOCK.sub("", text)):
        yield " ".join(quoted.split())


def faults(table, weft, page, text):
    """(how often something was checked, what is wrong)"""
    checked, wrong, others = 0, [], set()
    for words in in_blocks(text):
        checked += 1
        if fault := table.fault(words):
            wrong.append(f"{page}: in a block: {' '.join(words)}: {fault}")
    for quoted in dict.fromkeys(in_sentences(text)):
        named = quoted.removeprefix("weftctl ")
        explicit = named != quoted
        if named in OTHERS.get(page, ()):
            others.add(named)
            continue
        if not explicit and not table.begins(named.split()):
            continue
        for words in variants(named):
            words = of_weftctl(words)
            open_end = words[-1:] == ["..."]
            words = words[:-1] if open_end else words
            checked += 1
            if table.is_name(words):
                continue
            fault = table.fault(words)
            if fault and not (open_end or fault.startswith("it ends before")):
                wrong.append(f"{page}: {quoted}: {fault}")
            elif (explicit or page == "README.md") and words[0] in RUN:
                result = weft.weftctl(*words)
                if (result.returncode, result.stderr) != (0, ""):
                    wrong.append(f"{page}: {quoted}: {result.stderr}")
    wrong += [f"{page}: OTHERS has {other}, which is not there" for other in set(OTHERS.get(page, ())) - others]
    return checked, wrong


def every_command_is_one():
    # The reference is made of the commands themselves.
    pages = [path for path in sorted(ROOT.rglob("*.md")) if not {"build", "reference"} & set(path.relative_to(ROOT).parts)]
    with e2e.Weftd(CONFIG) as weft:
        table = Table(weft)
        found = {str(page.relative_to(ROOT)): faults(table, weft, str(page.relative_to(ROOT)), page.read_text())
                 for page in pages}
    e2e.equal([line for _, wrong in found.values() for line in wrong], [], "commands that are none")
    for page, least in (("README.md", 40), ("docs/guide/tracing.md", 20), ("docs/guide/debugging.md", 20)):
        e2e.at_least(found[page][0], least, f"commands in {page}")


def a_wrong_one_is_seen():
    """A check that says yes to everything is none."""
    with e2e.Weftd(CONFIG) as weft:
        table = Table(weft)
        for text in ("`weftctl show prots`", "`why web-1 now`", "`trace add vhost-inptu 5`", "`show log last many`",
                     "`watch -n 1 show prots`", "`capture prot web-1`", "```sh\nweftctl why\n```",
                     "```sh\nweftctl -f - <<'END'\nshow prots\nEND\n```", "```\n$ weftctl plugin laod x | less\n```"):
            e2e.equal(len(faults(table, weft, "page", text + "\n")[1]), 1, f"what is wrong in {text}")
        for text in ("`show`", "`port feature set`", "`why web-1`", "`watch [-n SECONDS] COMMAND`", "`portable`",
                     "```toml\n# weftctl nonsense\n```", "```sh\nsource <(weftctl completion bash)  # in ~/.bashrc\n```"):
            e2e.equal(faults(table, weft, "page", text + "\n")[1], [], f"what is wrong in {text}")


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
    e2e.run(every_command_is_one, a_wrong_one_is_seen, what_pages_of_plugins_show)
