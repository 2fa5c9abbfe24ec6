# SPDX-License-Identifier: Apache-2.0
"""startup.conf is read again while frames flow: what stays as it is loses nothing, and what is wrong
changes nothing."""
import os
import random
import signal
import subprocess

from weft_e2e import (BUILD, Pair, Testpmd, Weftd, equal, mac, ports, run, static_ports, wait_equal, wait_for)

HEAD = ('[plugins]\nload = ["mac-guard"]\n[[bridge]]\nname = "default"\n'
        '[[bridge]]\nname = "other"\nageing = "60s"\n')
RELOADS = 50
SEED = int(os.environ.get("WEFT_E2E_SEED", "1"))
SPARE = [f"spare-{number}" for number in range(6)]
# What is wrong: more text, and what weftd says of it.
BAD = {
    "[[port]\n": "not TOML",
    ports("web-1"): "name: is taken by the port on line",
    ports("bad", options="sokcet = 1"): 'unknown key "sokcet"',
    ports("bad", options="mtu = 1"): "mtu: 1 is out of range 68 to 9202",
    '[[port]]\nname = "bad"\nbridge = "othr"\nvhost = {}\n': '(did you mean "other"?)',
    '[[port]]\nname = "bad"\ndpdk = { device = "net_af_packet0,iface=weft-nothing" }\n':
        "there is no network interface weft-nothing",
    # Only opening them shows what is wrong with these; by then other ports have come and gone.
    '[[port]]\nname = "bad"\nvhost = { socket = "/dev/null/vhost.sock" }\n': "everything is as it was before",
    '[[port]]\nname = "bad"\ndpdk = { device = "net_pcap0,rx_pcap=/dev/null" }\n':
        "everything is as it was before",
}


class StartupConf:
    """weftd's file: what it began with, and more that changes."""

    def __init__(self, weft):
        self._weft, self.start = weft, weft.config_file.read_text()

    def write(self, more, start=None):
        self._weft.config_file.write_text((start or self.start) + more)

    def apply(self, more):
        """[(action, what)] of what changed."""
        self.write(more)
        return [(row["action"], row["what"]) for row in self._weft.ctl("config apply")]

    def refused(self, more, *parts, start=None):
        self.write(more, start)
        reply = self._weft.request("config apply")
        missing = [part for part in parts if part not in reply.get("error", "")]
        equal((reply["ok"], missing), (False, []), f"what the refusal lacks: {reply}")


def details(weft):
    """{port: what startup.conf can change of it in place, or not}."""
    def of(name):
        row = weft.ctl(f"show port {name}")
        return row["bridge"], row["mtu"], row["features"]
    return {row["name"]: of(row["name"]) for row in weft.ctl("show ports")}


def spare_ports(dice):
    """Some of the spare ports with some settings, as text and as details() shows them."""
    text, expected = "", {}
    for number, name in enumerate(SPARE):
        if dice.random() < 0.4:
            continue
        bridge, mtu = dice.choice(["default", "other"]), dice.choice([1500, 9000])
        options = dice.choice(["", f'mac = "{mac(0x20 + number)}"\n', "mac-limit = 7\n"])
        guarded = dice.random() < 0.5
        options += f'mac-guard = {{ allow = "{mac(dice.randrange(0x40, 0x44))}" }}\n' if guarded else ""
        text += (f'[[port]]\nname = "{name}"\nbridge = "{bridge}"\nmtu = {mtu}\n{options}'
                 f'vhost = {{ memory-limit = {dice.choice([64, 128])} }}\n')
        expected[name] = bridge, mtu, "mac-guard" if guarded else "none"
    return text, expected


def guest_port(dice):
    """The port of a container that stays connected whatever its section says."""
    bridge, guarded = dice.choice(["default", "other"]), dice.random() < 0.5
    options = dice.choice(["", f'mac = "{mac(3)}"\n', "mac-limit = 3\n"])
    options += f'mac-guard = {{ allow = "{mac(3)}" }}\n' if guarded else ""
    text = f'[[port]]\nname = "guest"\nbridge = "{bridge}"\nvhost = {{}}\n{options}'
    return text, {"guest": (bridge, 1500, "mac-guard" if guarded else "none")}


def reloads_at_random():
    dice = random.Random(SEED)
    with Weftd(HEAD + static_ports("web-1", "web-2")) as weft, Pair(weft) as pair:
        conf = StartupConf(weft)
        before = details(weft)
        equal(conf.apply('[[port]]\nname = "guest"\nvhost = {}\n'), [("add", "port guest")], "changes")
        with Testpmd(weft.socket("guest"), mac=mac(3), mode="rxonly") as guest:
            weft.wait_up("guest")
            guest.start()
            pair.start()
            baseline = weft.fds(), weft.memory_files()
            good = bad = 0
            text, expected = '[[port]]\nname = "guest"\nvhost = {}\n', {"guest": ("default", 1500, "none")}
            for turn in range(RELOADS):
                by_signal = dice.random() < 0.5
                (spare, details_of_spare), (own, detail) = spare_ports(dice), guest_port(dice)
                wrong = dice.choice(list(BAD)) if dice.random() < 0.5 else None
                if wrong is None:
                    good += 1
                    text, expected = own + spare, {**detail, **details_of_spare}
                    if by_signal:
                        conf.write(text)
                        weft.process.send_signal(signal.SIGHUP)
                    else:
                        conf.apply(text)
                elif by_signal:
                    bad += 1
                    refusals = weft.log().count("reload: refused")
                    conf.write(own + spare + wrong)
                    weft.process.send_signal(signal.SIGHUP)
                    wait_for(lambda: weft.log().count("reload: refused") > refusals,
                             f"refusal in turn {turn}")
                    equal(BAD[wrong] in weft.log(), True, f"the log says {BAD[wrong]!r}")
                else:
                    bad += 1
                    conf.refused(own + spare + wrong, f"{weft.config_file}:", BAD[wrong])
                wait_equal(lambda: details(weft), {**before, **expected}, f"ports after turn {turn}")
                conf.write(text)
                wait_equal(lambda: weft.ctl("config diff"), [], f"differences after turn {turn}")
                row = weft.ctl("show port guest")
                equal((row["state"], row["connections"]), ("up", 1), f"the guest after turn {turn}")
                pair.wait_frames(100)
            equal(good > 10 and bad > 10, True, f"{good} good and {bad} bad files of seed {SEED}")
            conf.apply('[[port]]\nname = "guest"\nvhost = {}\n')
            wait_equal(lambda: (weft.fds(), weft.memory_files()), baseline, "what stays of it all")
            pair.finish()


def what_a_reload_cannot_do():
    with Weftd(HEAD + ports("web-1")) as weft:
        conf = StartupConf(weft)
        line = conf.start.splitlines().index("[workers]") + 2
        conf.refused(ports("web-2"), f"startup.conf:{line}:", "[workers]: idle: only a restart changes it",
                     start=conf.start.replace("[workers]\n", '[workers]\nidle = "poll"\n'))
        result = weft.weftctl("config", "diff")
        equal((result.returncode, result.stdout, "only a restart" in result.stderr), (1, "", True),
              "weftctl config diff")
        conf.refused(ports("web-2"), "[dpdk]: memory", "[plugins]: load",
                     start=conf.start.replace("[dpdk]\n", "[dpdk]\nmemory = 99\n").replace('"mac-guard"', ""))
        equal(list(details(weft)), ["web-1"], "ports")
        # All mistakes at once, in the reply and in the log.
        parts = "mtu: 1 is out of range", 'unknown key "sokcet"'
        conf.refused(ports("web-2", options="mtu = 1\nsokcet = 1"), *parts)
        equal([part in weft.log() for part in parts], [True, True], "mistakes in the log")
        weft.config_file.unlink()
        equal("cannot read the file" in weft.request("config apply")["error"], True, "without a file")


def ports_of_the_shell():
    with Weftd(HEAD + ports("web-1", "web-2")) as weft:
        conf = StartupConf(weft)
        weft.ctl("port add typed vhost")
        weft.ctl("port delete web-2")
        conf.write("")
        shown = weft.weftctl("config", "diff")
        equal((shown.returncode, "not in the file" in shown.stdout), (0, True), f"config diff: {shown.stdout}")
        equal(list(details(weft)), ["web-1", "typed"], "ports after the diff")
        equal(conf.apply(""), [("add", "port web-2"), ("delete", "port typed")], "changes")
        equal(list(details(weft)), ["web-1", "web-2"], "ports")
        equal(conf.apply(""), [], "changes of the same file")
        # A static entry comes, moves and goes with the file alone.
        static = conf.start.replace('name = "default"\n', 'name = "default"\nstatic = [{ mac = "%s", port = "%s" }]\n')
        for port in ("web-1", "web-2"):
            conf.write("", static % (mac(9), port))
            weft.ctl("config apply")
            equal(weft.addresses(), {mac(9): port}, "addresses")
        conf.apply("")
        equal(weft.addresses(), {}, "addresses")


def what_runs_as_a_file():
    """show config is a file that weftd would start with, and that a reload has nothing to do for."""
    more = (ports("web-1", options=f'mtu = 9000\nmac-guard = {{ allow = "{mac(1)}" }}')
            + '[[port]]\nname = "uplink"\nbridge = "other"\nmac-limit = 5\ndpdk = { device = "net_null0" }\n')
    with Weftd(HEAD + more, keys='sandbox = "refuse"') as weft:
        weft.ctl("port add web-2 vhost bridge=other mtu=1400")
        weft.ctl("port delete uplink")
        for command in ("show config", "show config all"):
            text = weft.weftctl(*command.split()).stdout
            equal(text, weft.ctl(command), f"{command} as text and as JSON")
            weft.config_file.write_text(text)
            equal(weft.ctl("config diff"), [], f"what {command} would change")
            checked = subprocess.run([BUILD / "weftd", "--check", weft.config_file], capture_output=True, text=True,
                                     timeout=60, check=False)
            equal((checked.returncode, checked.stderr), (0, ""), f"weftd --check of {command}")
        before = text
        weft.stop()
        weft.start()
        equal(weft.ctl("show config all"), before, "what runs after a start with it")


if __name__ == "__main__":
    run(what_a_reload_cannot_do, ports_of_the_shell, what_runs_as_a_file, reloads_at_random)
