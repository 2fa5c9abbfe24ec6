# SPDX-License-Identifier: Apache-2.0
"""Plugins come, are replaced and go in a real weftd, sandboxed, while containers send: they lose nothing, each
build is seen to run, and nothing of those before is left. WEFT_E2E_TURNS says how often."""
import os
import pathlib
import re
import signal

from weft_e2e import BUILD, Pair, Testpmd, Weftd, equal, mac, run, skip, static_ports, wait_equal, wait_for

SAMPLES = BUILD / "tests" / "core" / "plugin" / "samples"
ENDED_BY_PLUGIN = 3  # core/supervise.h
TURNS = int(os.environ.get("WEFT_E2E_TURNS", "15"))
WARM = min(2 * TURNS // 3, 20)  # turns until what is kept for the next one is there
RSS_SLACK = 256  # KiB of weftd's own that may come on top in all other turns: the log of 1,000 events fills
# web-3's frames are for this address; turnstile drops them, and faulty does wrong at them.
VICTIM = "02:fa:00:00:00:09"
STACK = re.compile(r"^  in faulty\.so \+0x[0-9a-f]+$", re.M)
LETTER = "78:fa:00:00:00:09"  # begins with an x, turnstile's letter unless a table has another
TURNSTILE = r'turnstile = { letter = "\u0002" }'


BRIDGES = '[[bridge]]\nname = "default"\n[[bridge]]\nname = "other"\n'


def web_3(feature=""):
    """In a bridge where nobody else hears it."""
    return f'[[port]]\nname = "web-3"\nbridge = "other"\nvhost = {{}}\n{feature}\n'


def sample(name):
    path = SAMPLES / f"{name}.so"
    if not path.exists():
        skip(f"{path} is not built")
    return path


def copies(weft, name):
    """How many copies of the plugin's code are mapped."""
    lines = pathlib.Path(f"/proc/{weft.pid}/maps").read_text().splitlines()
    return sum(f"/memfd:{name}.so" in line and " r-xp " in line for line in lines)


def descriptors(weft):
    """But for sockets: the shell's connections come and go."""
    folder = pathlib.Path(f"/proc/{weft.pid}/fd")
    return sum(not os.readlink(folder / name).startswith("socket:") for name in os.listdir(folder)
               if os.path.lexists(folder / name))


def rss(weft):
    """KiB that are weftd's own: what is shared does not count, nor pages of files, which the kernel takes and gives."""
    return int(weft.threads()[weft.pid]["RssAnon"].split()[0])


class Flat:
    """Descriptors and memory of weftd, which a turn leaves as they are once it is warm."""

    def __init__(self, weft):
        self._weft = weft

    def after(self, turn):
        if turn == WARM:
            self._descriptors, self._rss = descriptors(self._weft), rss(self._weft)

    def check(self, what):
        print(f"{TURNS} {what}: descriptors {self._descriptors} -> {descriptors(self._weft)}, "
              f"RSS {self._rss} -> {rss(self._weft)} KiB", flush=True)
        equal(descriptors(self._weft), self._descriptors, "descriptors")
        # What waits for a worker goes when that has turned.
        wait_for(lambda: rss(self._weft) <= self._rss + RSS_SLACK, f"RSS at most {self._rss} + {RSS_SLACK} KiB", 10)


def dropped(weft, reason, node="turnstile"):
    return weft.drops().get(("web-3", node, reason), 0)


def states(weft):
    return {(row["name"], row["version"]): row["state"] for row in weft.ctl("show plugins")}


class Conf:
    """startup.conf with plugins and with a feature on web-3."""

    def __init__(self, weft):
        self._weft, self._start = weft, weft.config_file.read_text()

    def write(self, plugins="", feature=""):
        self._weft.config_file.write_text(f"{self._start}[plugins]\n{plugins}\n{web_3(feature)}")

    def apply(self, plugins="", feature=""):
        self.write(plugins, feature)
        return [(row["action"], row["what"]) for row in self._weft.ctl("config apply")]


class Scene:
    """Two containers that must lose nothing, and web-3, whose packets the plugins meet."""

    def __init__(self, plugins="", feature=""):
        self._plugins, self._feature = plugins, feature

    def __enter__(self):
        self.weft = Weftd(BRIDGES + static_ports("web-1", "web-2"))
        self.conf = Conf(self.weft)
        self.conf.write(self._plugins, self._feature)
        self.weft.__enter__()
        self.pair = Pair(self.weft).__enter__()
        self.sender = Testpmd(self.weft.socket("web-3"), mac=mac(3), mode="txonly", peer=VICTIM).__enter__()
        self.weft.wait_up("web-3")
        self.pair.start()
        return self

    def __exit__(self, *problem):
        self.sender.__exit__(*problem)
        self.pair.__exit__(*problem)
        self.weft.__exit__(*problem)


def directory(name):
    return f'directory = "{SAMPLES / name}"'


def replaced_under_traffic():
    builds = {build: sample(f"{build}/turnstile") for build in "ab"}
    with Weftd(BRIDGES + static_ports("web-1", "web-2") + web_3(TURNSTILE)
               + f'[plugins]\n{directory("a")}\nload = ["turnstile"]\n') as weft, Pair(weft) as pair, \
         Testpmd(weft.socket("web-3"), mac=mac(3), mode="txonly", peer=VICTIM) as sender:
        weft.wait_up("web-3")
        pair.start()
        sender.start()
        before, flat = "a", Flat(weft)
        for turn in range(1, TURNS + 1):
            build = "ba"[turn % 2 == 0]
            weft.ctl(f"plugin replace turnstile {builds[build]}")
            equal(weft.ctl("show turnstile"), f"{build} {turn}\n", "the state that is handed on")
            wait_for(lambda: dropped(weft, f"by-{build}") > 0, f"drops by build {build} in turn {turn}")
            wait_equal(lambda: states(weft), {("turnstile", build): "running"}, f"plugins after turn {turn}")
            equal((copies(weft, "turnstile"), dropped(weft, f"by-{before}")), (1, 0), "copies, drops by the other")
            before = build
            flat.after(turn)
        sender.stop()
        flat.check("replaces")
        pair.finish()


def loaded_and_unloaded_under_traffic():
    """Each time it is given to a port and drops what that one sends, and to one of those that lose nothing."""
    plugin = sample("a/turnstile")
    with Weftd(BRIDGES + static_ports("web-1", "web-2") + web_3()) as weft, Pair(weft) as pair, \
         Testpmd(weft.socket("web-3"), mac=mac(3), mode="txonly", peer=LETTER) as sender:
        weft.wait_up("web-3")
        pair.start()
        sender.start()
        flat = Flat(weft)
        for turn in range(1, TURNS + 1):
            weft.ctl(f"plugin load {plugin}")
            equal((states(weft), copies(weft, "turnstile")), ({("turnstile", "a"): "running"}, 1), "plugins")
            equal(dropped(weft, "by-a"), 0, "drops of the one before")
            for port in "web-1", "web-3":
                weft.ctl(f"port feature set {port} turnstile")
            wait_for(lambda: dropped(weft, "by-a") > 0, f"drops in turn {turn}")
            for port in "web-1", "web-3":
                weft.ctl(f"port feature delete {port} turnstile")
            weft.ctl("plugin unload turnstile")
            wait_equal(lambda: states(weft), {}, f"plugins after turn {turn}")
            equal(copies(weft, "turnstile"), 0, "copies")
            flat.after(turn)
        sender.stop()
        flat.check("loads")
        pair.finish()


def by_startup_conf():
    sample("a/turnstile")
    with Scene(directory("a")) as scene:
        weft, conf = scene.weft, scene.conf
        scene.sender.start()
        for _ in range(3):
            conf.write(f'{directory("a")}\nload = ["turnstile"]', TURNSTILE)
            diff = [(row["action"], row["what"]) for row in weft.ctl("config diff")]
            equal((diff, states(weft)), ([("add", "plugin turnstile"), ("change", "port web-3")], {}), "diff alone")
            equal(conf.apply(f'{directory("a")}\nload = ["turnstile"]', TURNSTILE), diff, "changes")
            wait_for(lambda: dropped(weft, "by-a") > 0, "drops")
            users = [row["used-by"] for row in weft.ctl("show plugins")]
            equal(users, ["port web-3 (turnstile)"], "who uses it")
            reply = weft.request("plugin unload turnstile")
            equal("is needed by port web-3 (turnstile)" in reply.get("error", ""), True, f"the refusal: {reply}")
            # A table that no plugin is there for: nothing changes.
            conf.write(directory("a"), TURNSTILE)
            equal('unknown key "turnstile"' in weft.request("config apply")["error"], True, "the refusal")
            conf.write(f'{directory("a")}\nload = ["nothing"]', "")
            equal('there is no plugin "nothing"' in weft.request("config apply")["error"], True, "the refusal")
            equal(states(weft), {("turnstile", "a"): "running"}, "plugins")
            equal(conf.apply(directory("a")), [("change", "port web-3"), ("delete", "plugin turnstile")], "changes")
            wait_equal(lambda: (states(weft), copies(weft, "turnstile")), ({}, 0), "plugins")
        scene.sender.stop()
        scene.pair.finish()


def who_does_wrong_is_out():
    sample("faulty")
    for how, fault in ("leak", "leaked"), ("verdict", "bad-verdict"), ("throw", "threw"):
        with Scene(f'{directory("")}\nload = ["faulty"]', f'faulty = {{ how = "{how}" }}') as scene:
            scene.sender.start()
            wait_equal(lambda: states(scene.weft), {("faulty", "1.2-sample"): f"faulty {fault}: bypass"}, "plugins")
            wait_for(lambda: "plugin-fault" in {row["event"] for row in scene.weft.ctl("show events")}, "an event of it")
            equal(dropped(scene.weft, "plugin-fault", "faulty"), 0, "packets that were not bypassed")
            scene.sender.stop()
            scene.pair.finish()


def faulty(how, more=""):
    return (BRIDGES + web_3(f'faulty = {{ how = "{how}" }}') + static_ports("web-1", "web-2")
            + f'[plugins]\n{directory("")}\nload = ["faulty"]\n{more}\n')


def sends(weft):
    return Testpmd(weft.socket("web-3"), mac=mac(3), mode="txonly", peer=VICTIM)


def who_crashes_is_named():
    sample("faulty")
    for how, number in ("crash", signal.SIGSEGV), ("abort", signal.SIGABRT):
        with Weftd(faulty(how)) as weft, sends(weft) as sender:
            weft.wait_up("web-3")
            sender.start()
            equal(weft.process.wait(60), -number, "weftd's end")
            said = f"weftd: plugin faulty ends it: signal {number:d} came in its node faulty on worker 0"
            equal(weft.log().count(said), 1, f'"{said}" in the log')
            equal(bool(STACK.search(weft.log())), True, "that it says where in the plugin")


def who_uses_up_the_stack_is_named():
    sample("faulty")
    with Weftd(faulty("overflow")) as weft, sends(weft) as sender:
        weft.wait_up("web-3")
        sender.start()
        equal(weft.process.wait(60), -signal.SIGSEGV, "weftd's end")
        said = "weftd: plugin faulty ends it: signal 11 came in its node faulty on worker 0"
        equal(said in weft.log(), True, f'"{said}" in the log')


def who_is_to_stop_it_does():
    """on-fault = "stop": weftd ends as if it had been asked to, with a sentence and a status of its own."""
    sample("faulty")
    for how, fault in ("throw", "threw an exception"), ("leak", "let packets go neither by a verdict nor by Emit"):
        with Weftd(faulty(how, 'on-fault = "stop"')) as weft, sends(weft) as sender:
            weft.wait_up("web-3")
            socket = weft.socket("web-3")
            sender.start()
            equal(weft.process.wait(60), ENDED_BY_PLUGIN, "weftd's end")
            said = f"weftd: plugin faulty ends it: its node faulty {fault}"
            equal(said in weft.log(), True, f'"{said}" in the log')
            equal("weftd: stopped" in weft.log(), True, "that it came to its end")
            equal(socket.exists(), False, "the socket that it made")


def who_stopped_it_is_left_out():
    """The parent does not begin the same again: the next weftd is without that plugin."""
    sample("faulty")
    with Weftd(faulty("throw", 'on-fault = "stop"'), options=["--supervise"]) as weft:
        with sends(weft) as sender:
            weft.wait_up("web-3")
            sender.start()
            said = "supervise: plugin faulty ended it, as its on-fault says; it starts again and leaves that out"
            wait_for(lambda: said in weft.log(), f'"{said}" in the log')
        wait_for(lambda: answers(weft), "a weftd that serves again")
        equal(states(weft), {("faulty", "1.2-sample"): "faulty left out: stop"}, "plugins")
        with sends(weft) as sender, Pair(weft) as pair:
            weft.wait_up("web-3")
            pair.start()
            sender.start()
            wait_for(lambda: dropped(weft, "plugin-fault", "faulty") > 1000, "packets that do not pass it")
            pair.wait_frames()
            sender.stop()
            pair.finish()
        equal(weft.log().count("it starts again"), 1, "starts")


def answers(weft):
    """Whether there is a weftd that serves."""
    try:
        return weft.request("show version")["ok"]
    except OSError:
        return False


def who_crashes_twice_is_left_out():
    left_out_the_third_time("crash", "", "signal 11 came in its node faulty on worker 0", signal.SIGSEGV)


def who_hangs_twice_is_left_out():
    left_out_the_third_time("loop", 'hang = "1s"', "its node faulty has kept worker 0 for 1 s and does not return",
                            signal.SIGABRT)


PHASES = {"kLoaded": "while its code was loaded", "kMade": "while its module was made", "kRegisters": "while it registered",
          "kTold": "while it was told what there is", "kTimer": "in its code"}


def who_crashes_while_it_is_loaded_is_named():
    """And what it was doing, from its constructors on; so is one that crashes in a timer of its own."""
    for when, says in PHASES.items():
        plugin = sample(f"crashes/{when}/crashes")
        with Weftd(static_ports("web-1")) as weft:
            try:
                weft.request(f"plugin load {plugin}")
            except (OSError, ValueError):
                pass  # whoever would have answered has gone
            equal(weft.process.wait(60), -signal.SIGSEGV, "weftd's end")
            said = f"weftd: plugin crashes ends it: signal 11 came {says}"
            equal(said in weft.log(), True, f'"{said}" in the log:\n{weft.log()}')


def who_cannot_be_loaded_is_not_loaded_the_third_time():
    """weftd serves without it, whatever the file says of it: a port goes on without its feature, or is not there, as
    on-fault has it. A reload does not dare either; `plugin load` does."""
    for when, on_fault in ("kMade", "bypass"), ("kTimer", "drop"):
        sample(f"crashes/{when}/crashes")
        config = (BRIDGES + web_3("crashes = {}") + static_ports("web-1", "web-2")
                  + f'[plugins]\n{directory("crashes/" + when)}\nload = ["crashes"]\non-fault = "{on_fault}"\n')
        with Weftd(config, options=["--supervise"]) as weft:
            twice = "plugin crashes ended it twice within a minute and is not loaded again"
            wait_for(lambda: twice in weft.log() and answers(weft), "a weftd that serves without it")
            equal(weft.log().count(f"weftd: plugin crashes ends it: signal 11 came {PHASES[when]}"), 2, "its ends")
            equal(states(weft), {("crashes", ""): "not loaded: it has ended weftd"}, "plugins")
            equal("web-3" in {row["name"] for row in weft.ctl("show ports")}, on_fault == "bypass", "the port that has its table")
            left = 'port "web-3": crashes is left out' + ("" if on_fault == "bypass" else ", and the port with it")
            equal(left in weft.log(), True, f'"{left}" in the log')
            with Pair(weft) as pair:
                pair.start()
                equal(weft.ctl("config apply"), [], "what a reload changes")
                pair.wait_frames()
                pair.finish()
            weft.ctl(f'plugin load {sample("good")}')
            equal(len(states(weft)), 2, "plugins, after another one was loaded")


def left_out_the_third_time(how, more, says, number):
    """It is started again, and then without the plugin."""
    sample("faulty")
    with Weftd(faulty(how, more), options=["--supervise"]) as weft:
        for turn in 1, 2:
            with sends(weft) as sender:
                weft.wait_up("web-3")
                equal(states(weft), {("faulty", "1.2-sample"): "running"}, "plugins")
                sender.start()
                wait_for(lambda: weft.log().count("it starts again") == turn, f"crash {turn}")
            wait_for(lambda: answers(weft), "a weftd that serves again")
        for line, count in ((f"weftd: plugin faulty ends it: {says}", 2),
                            (f"weftd: supervise: signal {number:d} ended it; it starts again", 2),
                            ("plugin faulty ended it twice within a minute and is left out", 1)):
            equal(weft.log().count(line), count, f'"{line}" in the log')
        equal(len(STACK.findall(weft.log())) >= 2, True, "that it says each time where in the plugin")
        equal(states(weft), {("faulty", "1.2-sample"): "faulty left out: bypass"}, "plugins")
        with sends(weft) as sender, Pair(weft) as pair:
            weft.wait_up("web-3")
            pair.start()
            sender.start()
            wait_for(lambda: weft.port("web-3")["rx-packets"] > 1000, "packets that pass it by")
            pair.wait_frames()
            sender.stop()
            pair.finish()
        weft.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "says what is there already" in weft.log(), "the signal is passed on")


if __name__ == "__main__":
    run(loaded_and_unloaded_under_traffic, replaced_under_traffic, by_startup_conf, who_does_wrong_is_out,
        who_crashes_is_named, who_uses_up_the_stack_is_named, who_is_to_stop_it_does, who_stopped_it_is_left_out,
        who_crashes_twice_is_left_out, who_hangs_twice_is_left_out, who_crashes_while_it_is_loaded_is_named,
        who_cannot_be_loaded_is_not_loaded_the_third_time)
