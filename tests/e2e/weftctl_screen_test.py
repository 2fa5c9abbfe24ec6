# SPDX-License-Identifier: Apache-2.0
"""weftctl in a terminal, as a person sees it: typed into under tmux, and the screen read back."""
import contextlib
import os
import pathlib
import re
import stat
import tempfile

from weft_e2e import BUILD, Terminal, Weftd, equal, at_least, ports, require_program, run

PROMPT = "weft>"
CONFIG = ports("web-1", "web-2")


@contextlib.contextmanager
def home():
    with tempfile.TemporaryDirectory(prefix="weft-e2e-") as directory:
        yield pathlib.Path(directory)


def shell(weft, directory, rows=24, words=(), **environment):
    """weftctl in a terminal whose user has nothing but this directory."""
    # libedit 3.1 never frees the names given to EL_ADDFN.
    return Terminal([BUILD / "weftctl", "-s", weft.runtime_dir / "control.sock", *words], rows=rows,
                    environment={"HOME": str(directory), "XDG_STATE_HOME": "", "NO_COLOR": "", "PAGER": "less -FRX",
                                 "LESS": "", "ASAN_OPTIONS": "detect_leaks=0", **environment})


def at_prompt(lines):
    return bool(lines) and lines[-1] == PROMPT


def keys_and_what_they_show():
    with Weftd(CONFIG) as weft, home() as directory, shell(weft, directory, rows=60) as terminal:
        lines = terminal.wait(at_prompt, "the prompt")
        equal(len(lines), 2, "lines of the greeting and the prompt")
        equal("TAB completes" in " ".join(lines), True, "the greeting")

        # Tab: as much as is clear, then what there is to choose from.
        terminal.type("sh")
        terminal.keys("Tab")
        terminal.wait_line(f"{PROMPT} show")
        terminal.type("port w")
        terminal.keys("Tab")
        terminal.wait_line(f"{PROMPT} show port web-")
        terminal.keys("Tab")
        lines = terminal.wait(lambda found: len(found) > 4 and found[-1] == f"{PROMPT} show port web-",
                              "the ports to choose from")
        equal([line.split()[0] for line in lines[-3:-1]], ["web-1", "web-2"], "values that Tab lists")
        terminal.type("2")
        terminal.keys("Enter")
        lines = terminal.wait(lambda found: at_prompt(found) and "drops:" in " ".join(found), "show port")
        name = next(line for line in lines if line.startswith("name:"))
        equal(name.split(), ["name:", "web-2"], "whose fields they are")

        # ?: what can follow, each with its help; then the line as it was.
        terminal.keys("C-l")
        terminal.type("trace ?")
        lines = terminal.wait(lambda found: len(found) >= 4 and found[-1] == f"{PROMPT} trace", "help")
        equal({"add", "clear"} <= {line.split()[0] for line in lines[1:-1]}, True, "words after trace")
        for line in lines[1:-1]:
            if not line.startswith(" "):  # else it goes on from the line before
                at_least(len(line.split()), 3, f'words of help in "{line}"')
        terminal.keys("C-c")
        terminal.wait_line(PROMPT)
        terminal.type("trace add ?")
        lines = terminal.wait(lambda found: found[-1] == f"{PROMPT} trace add", "help on an argument")
        equal(any(line.split()[0] == "l2-switch" for line in lines), True, "the nodes that there are")
        terminal.keys("C-c")
        terminal.wait_line(PROMPT)

        # Up: the line before.
        terminal.keys("Up")
        terminal.wait_line(f"{PROMPT} show port web-2")
        terminal.keys("C-c")
        terminal.wait_line(PROMPT)
        for line in terminal.screen():
            equal(len(line) <= 80, True, f'the width of "{line}"')


def watch_repaints_until_ctrl_c():
    with Weftd(CONFIG) as weft, home() as directory, shell(weft, directory) as terminal:
        terminal.wait(at_prompt, "the prompt")
        terminal.type("watch -n 0.1 show workers")
        terminal.keys("Enter")

        def painted(lines):
            return len(lines) > 3 and lines[0].startswith("show workers   every 0.1 s, ")
        first = terminal.wait(painted, "watch")
        equal(first[1], "", "the line below the title")
        equal("polls/s" in first[2].split(), True, "rates in the header")
        # The same place at another time: it was painted over, not scrolled.
        lines = terminal.wait(lambda found: painted(found) and found[0] != first[0], "a later round")
        equal(sum(line.startswith("show workers   every") for line in lines), 1, "titles on the screen")
        worker = next(line for line in lines[3:] if re.match(r" +0 ", line))
        equal("-" in worker.split(), False, "a figure that a later round lacks")
        terminal.keys("C-c")
        terminal.wait(at_prompt, "the prompt after Ctrl-C")
        terminal.type("show version")
        terminal.keys("Enter")
        terminal.wait(lambda found: at_prompt(found) and any(line.startswith("weft:") for line in found),
                      "the next command's answer")


def what_was_typed_is_there_the_next_time():
    with Weftd(CONFIG) as weft, home() as directory:
        with shell(weft, directory) as one, shell(weft, directory) as two:
            # Two at a time, and what fails is kept: it is what one wants to mend.
            for terminal, line in ((one, "show nonsense"), (two, "show bridges")):
                terminal.wait(at_prompt, "the prompt")
                terminal.type(line)
                terminal.keys("Enter")
                terminal.wait(lambda lines: at_prompt(lines) and len(lines) > 3, f'the end of "{line}"')
        kept = directory / ".local" / "state" / "weft" / "history"
        equal(stat.S_IMODE(kept.stat().st_mode), 0o600, "the mode of the history")
        equal(stat.S_IMODE(kept.parent.stat().st_mode), 0o700, "the mode of its folder")
        with shell(weft, directory) as terminal:
            terminal.wait(at_prompt, "the prompt")
            terminal.keys("Up")
            terminal.wait_line(f"{PROMPT} show bridges")
            terminal.keys("Up")
            terminal.wait_line(f"{PROMPT} show nonsense")


def long_answers_go_through_the_pager():
    require_program("less")
    with Weftd(CONFIG) as weft, home() as directory:
        with shell(weft, directory, rows=12) as terminal:
            terminal.wait(at_prompt, "the prompt")
            terminal.type("show version")
            terminal.keys("Enter")
            terminal.wait(lambda lines: at_prompt(lines) and "dpdk:" in " ".join(lines), "a short answer")
            terminal.type("show port web-1")
            terminal.keys("Enter")
            # less shows a colon, or where it is, and waits.
            lines = terminal.wait(lambda found: found and found[-1].startswith(":"), "the pager")
            equal(any(line.startswith("drops:") for line in lines), False, "the end of the answer, at once")
            terminal.keys("q")
            terminal.wait(at_prompt, "the prompt after the pager")
        for pager in ("", "no-such-pager"):
            with shell(weft, directory, rows=12, PAGER=pager) as terminal:
                terminal.wait(at_prompt, "the prompt")
                terminal.type("show port web-1")
                terminal.keys("Enter")
                terminal.wait(lambda lines: at_prompt(lines) and len(lines) == 12, f'the end of it with PAGER="{pager}"')


def colours_only_where_they_are_wanted():
    with Weftd(CONFIG) as weft, home() as directory:
        for refusal, coloured in (("", True), ("1", False)):
            with shell(weft, directory, words=("show", "ports"), NO_COLOR=refusal) as terminal:
                terminal.wait(lambda lines: "web-2" in " ".join(lines), "show ports")
                text = "\n".join(terminal.screen(colours=True))
                equal("\x1b[1m" in text, coloured, f'a bold header with NO_COLOR="{refusal}"')
                equal("\x1b[33mdown" in text, coloured, f'a coloured state with NO_COLOR="{refusal}"')
        # Off a terminal there are neither colours nor a greeting.
        equal(weft.weftctl("show", "ports").stdout.count("\x1b"), 0, "escape sequences in a pipe")
        equal(weft.weftctl().stdout, "", "what weftctl says on its own to a pipe")


def without_a_daemon_it_says_so_at_once():
    with home() as directory:
        nowhere = directory / "control.sock"
        with Terminal([BUILD / "weftctl", "-s", nowhere], environment={"HOME": str(directory)}) as terminal:
            lines = terminal.wait(at_prompt, "the prompt")
            equal("no weftd answers" in " ".join(lines), True, "the sentence")


def completes_in_bash_and_zsh():
    with Weftd(CONFIG) as weft, home() as directory:
        path = f"{BUILD}:{os.environ['PATH']}"
        socket = weft.runtime_dir / "control.sock"
        for program, options in (("bash", ["--norc", "--noprofile"]), ("zsh", ["-f"])):
            require_program(program)
            with Terminal([program, *options], environment={
                    "HOME": str(directory), "PATH": path, "PS1": "> ", "WEFT_SOCKET": str(socket)}) as terminal:
                terminal.wait_line(">")
                setup = "autoload -Uz compinit; compinit -u; " if program == "zsh" else ""
                terminal.type(f"{setup}source <(weftctl completion {program}); clear; echo rea''dy")
                terminal.keys("Enter")
                terminal.wait(lambda lines: "ready" in lines and lines[-1] == ">", f"{program} to be ready")
                terminal.type("weftctl --json sho")
                terminal.keys("Tab")
                terminal.wait_line("> weftctl --json show")
                terminal.type("port we")
                terminal.keys("Tab")
                terminal.wait_line("> weftctl --json show port web-")
                terminal.type("1 | grep '\"state\"'")
                terminal.keys("Enter")
                terminal.wait(lambda lines: '  "state": "down",' in lines, "the answer")
                # Where a file can stand, those of the one who types.
                (directory / "web-1.pcapng").touch()
                terminal.type(f"cd {directory}; clear")
                terminal.keys("Enter")
                terminal.wait_line(">")
                terminal.type("weftctl capture -w web")
                terminal.keys("Tab")
                terminal.wait_line("> weftctl capture -w web-1.pcapng")
                terminal.keys("C-c")


if __name__ == "__main__":
    run(keys_and_what_they_show, watch_repaints_until_ctrl_c, what_was_typed_is_there_the_next_time,
        long_answers_go_through_the_pager, colours_only_where_they_are_wanted,
        without_a_daemon_it_says_so_at_once, completes_in_bash_and_zsh)
