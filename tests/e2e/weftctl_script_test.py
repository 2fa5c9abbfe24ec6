# SPDX-License-Identifier: Apache-2.0
"""weftctl for programs: every command's JSON has the shape that it declares, every show command fits 80
columns, files of commands, and what fails says so on standard error with exit status 1."""
import concurrent.futures
import contextlib
import json
import os
import re
import subprocess

import jsonschema

from weft_e2e import (BUILD, ROOT, Namespace, Pair, Weftd, at_least, equal, mac, ports, run, skip, static_ports,
                      wait_for)

# As an orchestrator names them.
NAMES = ("checkout-api-7f9c6d-eth0", "payments-worker-x2k4p-eth0")
FIREWALL, PROBE = "edge-firewall-6b8d9c-memif0", "traffic-probe-q5w2z-eth0"
# What is typed for an argument of this name, if it is no value of its own.
SAMPLES = {"NAME": NAMES[0], "PORT": NAMES[0], "NODE": "vhost-input", "COUNT": "1", "N": "1", "BRIDGE": "default",
           "MAC": mac(1), "KIND": "vhost", "COMMAND...": "", "FILTER": "'ether proto 0x88b5'"}
# Words of a usage that belong to an argument that must be typed.
KEYWORDS = {"trace inject port": "trace inject"}
# How a command is run where its arguments alone do not say it; in this order, and last.
FRAME = "020000000002020000000001" + "88b5" + 46 * "00"
SPECIAL = {"capture start": f"capture start port {NAMES[0]} count 100000", "capture read": "capture read 1",
           "capture stop": "capture stop 1", "trace inject": f"trace inject port {NAMES[0]} {FRAME}",
           "port add": f"port add {NAMES[0]}-2 vhost bridge=default", "port delete": f"port delete {NAMES[0]}-2",
           "packet-generator add": f"packet-generator add burst {NAMES[0]} rate=1kpps count=10",
           "packet-generator stop": "packet-generator stop burst", "packet-generator start": "packet-generator start burst",
           "packet-generator delete": "packet-generator delete burst",
           "port feature delete": f"port feature delete {NAMES[1]} mac-guard",
           "plugin unload": "plugin unload mac-guard", "plugin load": "plugin load mac-guard",
           "plugin replace": "plugin replace mac-guard",
           "port feature set": f"port feature set {NAMES[1]} mac-guard allow={mac(2)}"}
FOR_PROGRAMS = ("show graph dot", "show graph svg")  # not for a terminal
OWN = ("watch", "capture", "extcap", "completion", "exit", "plugin new", "plugin test")  # weftctl's, not weftd's


def usages(weft, own=False):
    """{words: usage} of every command of weftd's; or of weftctl's own."""
    found = {}
    for row in weft.ctl("help"):
        words = re.match(r"[a-z0-9 -]*[a-z0-9]", row["command"]).group()
        if (words in OWN) == own:
            found[KEYWORDS.get(words, words)] = row["command"]
    return found


def schema_of(weft, line):
    schema = weft.ask({"schema": line})["data"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def valid(weft, line, schema, *words, each_line=False, **options):
    """Runs it with --json, and holds its answer against the schema. `words` instead of the line: as they are."""
    result = weft.weftctl("--json", *(words or [line]), **options)
    equal((result.returncode, result.stderr), (0, ""), f"weftctl --json {line}")
    try:
        for text in result.stdout.splitlines() if each_line else [result.stdout]:
            jsonschema.validate(json.loads(text), schema)
    except (json.JSONDecodeError, jsonschema.ValidationError) as wrong:
        raise AssertionError(f"weftctl --json {line}: {wrong}") from None
    return result.stdout


def lines(words, usage):
    """The command without what is optional, and with all of it."""
    if words in SPECIAL:
        return [SPECIAL[words]]

    def sample(name):
        if name.group() not in SAMPLES:
            raise AssertionError(f"SAMPLES has nothing for {name.group()} of: {usage}")
        return SAMPLES[name.group()]

    def typed(text):
        return re.sub(r"[A-Z][A-Z.-]*", sample, text).strip()
    least = typed(re.sub(r" ?\[.*?\]", "", usage))
    most = typed(usage.replace("[", "").replace("]", ""))
    return list(dict.fromkeys((least, most)))


# A feature of each plugin that has any, in both directions where there are two.
FEATURES = (f'ingress-policer = {{ rate = "100Mbit/s" }}\n'
            f'egress-policer = {{ rate = "10Mpps", burst = 1000 }}\ningress-mirror = {{ to = "{PROBE}" }}\n'
            f'egress-mirror = {{ to = "{PROBE}", sample = 100 }}\n',
            f'mac-guard = {{ allow = "{mac(2)}" }}\npacket-generator = {{ streams = [{{ name = "crowd-of-a-hundred", '
            f'rate = "100pps", size = "imix", vary = "source-ip,source-port", values = 100, source-mac = "{mac(2)}", '
            f'destination-mac = "{mac(1)}" }}] }}\n')


@contextlib.contextmanager
def every_kind_of_port():
    """weftd with all plugins that come with it, two vhost ports with their features, and a port of each other kind;
    and the names of those. Only root may have interfaces of the kernel's."""
    plugins = sorted(path.stem for path in (BUILD / "plugins").glob("*.so"))
    at_least(len(plugins), 7, f"plugins of the build: {plugins}")
    config = f'[plugins]\nload = {json.dumps(plugins)}\n[[bridge]]\nname = "default"\n[[bridge]]\nname = "monitoring"\n'
    config += "".join(static_port + features for static_port, features in
                      zip((ports(name, options=f'mac = "{mac(number)}"') for number, name in enumerate(NAMES, 1)), FEATURES))
    kinds = {FIREWALL: "memif = {}", PROBE: "vhost = {}", "nic": 'dpdk = { device = "net_null0,no-rx=1" }'}
    with contextlib.ExitStack() as stack:
        if os.geteuid() == 0:
            inside = stack.enter_context(Namespace("tap", alone=True))
            outside = stack.enter_context(Namespace("xdp", "10.98.0.1/24", mac(9)))
            kinds |= {"batch-runner-8c7d6-tap0": f'tap = {{ netns = "{inside.name}" }}',
                      "legacy-proxy-5f4e3-veth0": f'af-xdp = {{ interface = "{outside.outside}" }}'}
        for name, kind in kinds.items():
            bridge = "monitoring" if name == PROBE else "default"
            config += f'[[port]]\nname = "{name}"\nbridge = "{bridge}"\n{kind}\n'
        weft = stack.enter_context(Weftd(config))
        weft.wait_up(*(name for name, kind in kinds.items() if kind.startswith(("tap", "af-xdp", "dpdk"))))
        yield weft, tuple(kinds)


def with_rates(schema):
    """What `watch` makes of rows: beside each integer there may be how fast it grows."""
    properties = schema["items"]["properties"]
    rates = {f"{name}/s": {"type": ["number", "null"]} for name, about in properties.items() if "integer" in about["type"]}
    return {**schema, "items": {**schema["items"], "properties": {**properties, **rates}}}


def weftctls_own_are_valid(weft):
    schemas = {words: schema_of(weft, words) for words in usages(weft, own=True)}
    equal(schemas.keys(), set(OWN), "commands that weftctl runs itself")
    file = weft.scratch / "some.pcapng"
    valid(weft, f"capture -w {file} port {NAMES[0]} count 1", schemas["capture"])
    at_least(file.stat().st_size, 1, "bytes of a capture")
    script = json.loads(valid(weft, "completion bash", schemas["completion"]))
    equal(script, weft.weftctl("completion", "bash").stdout, "the script, in JSON and as it is")
    valid(weft, "exit", schemas["exit"])
    answer = json.loads(valid(weft, "plugin new my-own", schemas["plugin new"], cwd=weft.scratch))
    at_least(answer.count("cmake"), 2, f"what to do next: {answer}")
    case = ROOT / "plugins" / "mac_guard" / "mac_guard.case"
    answer = json.loads(valid(weft, "plugin test", schemas["plugin test"], "plugin", "test", case, cwd=weft.scratch))
    equal(answer, f"passed  {case}\n", "the answer of plugin test")
    rounds = valid(weft, "watch -n 0.1 -c 2 show ports", with_rates(schema_of(weft, "show ports")), each_line=True)
    equal((schemas["watch"].keys() & {"type", "items", "properties"}, rounds.count("rx-packets/s") > 0), (set(), True),
          "what watch declares, and whether there are rates")
    for line, reason in (("extcap --extcap-interfaces", "no --json"), (f"capture port {NAMES[0]}", "-w")):
        refused = weft.weftctl("--json", line)
        equal((refused.returncode, refused.stdout, reason in refused.stderr), (1, "", True), f"weftctl --json {line}: {refused}")
    equal(jsonschema.Draft202012Validator(schemas["extcap"]).is_valid("any"), False, "JSON of extcap")
    # What failed is on standard error, and no answer.
    broken = weft.scratch / "broken.case"
    broken.write_text(case.read_text().replace("02:00:00:00:00:11", "02:00:00:00:00:77", 1))
    failed = weft.weftctl("--json", "plugin", "test", broken, cwd=weft.scratch)
    equal((failed.returncode, failed.stdout), (1, ""), "a case that fails")
    equal("FAILED" in failed.stderr and "weftctl: " in failed.stderr, True, failed.stderr)


def what_why_advises_is_a_command(weft, others):
    """A trace at the input of the port's own kind."""
    advised = {}
    for name in others:
        for row in weft.ctl(f"why {name}"):
            if trace := re.match(r"trace add \S+ \d+ port [^\s,]+", row["advice"]):
                weft.ctl(trace[0])
                advised[weft.port(name)["kind"]] = trace[0].split()[2]
    weft.ctl("trace clear")
    if os.geteuid() == 0:
        equal({kind: advised.get(kind) for kind in ("tap", "af-xdp")}, {"tap": "tap-input", "af-xdp": "af-xdp-input"},
              "where why advises to trace")


def every_answer_has_the_shape_it_declares(weft, others):
    found = usages(weft)
    at_least(len(found), 15, "commands")
    for words in [*(found.keys() - SPECIAL.keys()), *SPECIAL]:
        schema = schema_of(weft, words)
        for line in lines(words, found[words]):
            valid(weft, line, schema)
    weftctls_own_are_valid(weft)
    # What a kind of port tells is declared, beside the counters that a device has of its own.
    schema = schema_of(weft, "show port")
    keys = {key: about["description"] for part in schema["anyOf"] for key, about in part["properties"].items()}
    if os.geteuid() == 0:
        kinds = weft.ask({"complete": "port add new-port "})["data"]["candidates"]
        equal({row["kind"] for row in weft.ctl("show ports")}, {kind["text"] for kind in kinds}, "kinds of ports")
    for line in (f"show port {name}{attach}" for name in (NAMES[0], *others) for attach in ("", " attach")):
        if line == "show port nic attach":
            continue  # nothing attaches to a NIC
        told = json.loads(valid(weft, line, schema))
        equal({key for key in told if key not in keys and not key.startswith("device-")}, set(), f"{line}: not declared")
        equal([key for key in told if keys.get(key) == ""], [], f"{line}: without help")
    what_why_advises_is_a_command(weft, others)
    # A check that says yes to everything is none.
    strict = json.loads(weft.weftctl("--schema", "show ports").stdout)
    equal(strict, schema_of(weft, "show ports"), "what --schema prints, and what programs are told")
    broken = weft.ctl("show ports")
    broken[0]["rx-packets"] = "many"
    equal(jsonschema.Draft202012Validator(strict).is_valid(broken), False, "a broken answer")


def every_show_command_fits_80_columns(weft, others):
    for words, usage in usages(weft).items():
        if words.split()[0] not in ("show", "help", "why") or words in FOR_PROGRAMS:
            continue
        of_others = [line.replace(NAMES[0], name) for line in lines(words, usage) if words in ("why", "show port")
                     for name in others if (name, line.split()[-1]) != ("nic", "attach")]
        for line in lines(words, usage) + of_others:
            reply = weft.ask({"command": line, "format": "text", "width": 80})
            equal(reply["ok"], True, f"{line}: {reply.get('error')}")
            for row in reply["text"].splitlines():
                # One word, a path above all, is never cut; and in braces TOML allows no line break.
                longest = max(row.split(), key=len, default="")
                alone = (len(longest) > 40 or "/" in longest) and len(row) - len(longest) <= 50 \
                    or words == "show config" and "{" in row
                equal(len(row) <= 80 or alone, True, f'{line}: {len(row)} columns: "{row}"')


def what_exists_is_offered(weft, _):
    for line, expected in (("show port ", NAMES), ("show port pay", NAMES[1:]), ("why ", NAMES),
                           ("watch -n 1 show drops port ", NAMES), ("trace add vhost-in", ["vhost-input"]),
                           ("show l2 fdb bridge ", ["default"]), ("show l2 fdb mac ", [mac(1), mac(2)]),
                           ("port add web-9 ", ["dpdk", "vhost", "memif"]), ("sh", ["show"]), ("help show l", ["l2", "latency", "log"])):
        result = weft.weftctl("--complete", line)
        offered = {text for text, _ in (row.split("\t") for row in result.stdout.splitlines())}
        equal((result.returncode, set(expected) <= offered), (0, True), f'"{line}": {result.stdout}')


def watch_says_how_fast(weft, _):
    rounds = weft.weftctl("--json", "watch", "-n", "0.5", "-c", "2", "show", "ports").stdout.splitlines()
    equal(len(rounds), 2, "lines of JSON")
    first, second = ({row["name"]: row for row in json.loads(line)} for line in rounds)
    for name in NAMES:
        equal(first[name]["rx-packets/s"], None, "a rate of the first round")
        # The clock is not the test's; that it grew at all, and is no total, is.
        grown = second[name]["rx-packets"] - first[name]["rx-packets"]
        equal(second[name]["rx-packets/s"] > 0, grown > 0, f"whether {name} has a rate")
    text = weft.weftctl("watch", "-n", "0.1", "-c", "3", "show", "drops").stdout
    equal(text.count("show drops   every 0.1 s"), 3, "rounds as text")


def all_kinds_of_ports_under_traffic():
    """Four tests on one stage, which takes longer than they do; the last changes what there is."""
    with every_kind_of_port() as (weft, others), Pair(weft, names=NAMES) as pair:
        weft.ctl("trace add vhost-input 2")
        pair.start()
        pair.wait_frames(1000)
        # One sends on and the other does not read: so there are drops, too.
        sender, receiver = pair.containers.values()
        receiver.stop()
        sender.stop()
        sender.forward("txonly")
        sender.start()
        wait_for(lambda: any(node == "vhost-output" for _, node, _ in weft.drops()), "a drop of the receiver's")
        for test in (what_exists_is_offered, watch_says_how_fast, every_show_command_fits_80_columns,
                     every_answer_has_the_shape_it_declares):
            test(weft, others)
    if os.geteuid() != 0:
        skip("ports of the kinds tap and af-xdp need root; all else is as it should be")


def files_of_commands():
    with Weftd(static_ports(*NAMES)) as weft:
        script = weft.scratch / "ports.weft"
        script.write_text("# two bad lines among good ones\n\nshow version\nshow nonsense\n"
                          f"  show port {NAMES[0]}\nshow port nobody\n")
        result = weft.weftctl("-f", script)
        equal(result.returncode, 1, "exit status of a file with bad lines")
        equal((result.stdout.count("dpdk:"), result.stdout.count("drops:")), (1, 1), "answers of the good lines")
        complaints = result.stderr.splitlines()
        equal([line.startswith(f"weftctl: {script}:{number}: ") for line, number in zip(complaints, (4, 6))],
              [True, True], f"complaints {complaints}")
        stopped = weft.weftctl("-e", "-f", script)
        equal((stopped.returncode, stopped.stdout.count("drops:"), len(stopped.stderr.splitlines())), (1, 0, 1),
              "what -e lets through")
        weftctl = [BUILD / "weftctl", "-s", weft.runtime_dir / "control.sock"]
        for words in (["-f", "-"], []):
            piped = subprocess.run([*weftctl, *words], input="show version\n# done\nshow versoin\n", text=True,
                                   capture_output=True, timeout=60)
            equal((piped.returncode, piped.stdout.count("dpdk:")), (1, 1), "commands on a pipe")
            equal("weftctl: stdin:3: " in piped.stderr and 'did you mean "version"?' in piped.stderr, True, piped.stderr)
        missing = weft.weftctl("-f", weft.scratch / "nowhere")
        equal((missing.returncode, missing.stdout), (1, ""), "a file that is not there")
        equal("cannot read" in missing.stderr and "nowhere" in missing.stderr, True, missing.stderr)


# What is right for an argument, and what is wrong; by its name, or for one command alone.
RIGHT = {**SAMPLES, "NUMBER": "1", "FEATURE": "mac-guard", "FRAME...": FRAME, "COMMAND...": "show ports", "SHELL": "bash",
         "PLUGIN": "policer", "KIND": "vhost", "plugin replace NAME": "mac-guard", "plugin unload NAME": "mac-guard",
         "plugin new NAME": "my-own", "port add NAME": "new-port", "packet-generator add NAME": "new-stream"}
NOBODY = "No/body"
WRONG = {**dict.fromkeys(("NAME", "PORT", "NODE", "DROP", "BRIDGE", "KIND", "SHELL", "PLUGIN", "FEATURE"), NOBODY),
         **dict.fromkeys(("N", "COUNT", "NUMBER"), "many"), "MAC": "no-mac", "FILTER": "'no filter'",
         **dict.fromkeys(("COMMAND...", "ARGUMENTS...", "SETTINGS...", "FRAME..."), "nonsense"),
         "packet-generator add NAME": "''", "CASES...": "nowhere.case", "FILE": "/nowhere/file", "PATH": "/nowhere/plugin.so"}


def mistakes(words, usage):
    """Lines of the command with one mistake each: an argument is wrong, or missing, or there is one too many."""
    items = re.findall(r"\[[^]]*\]|[a-z-]+ [A-Z]+|\S+", usage.removeprefix(words).strip())

    def typed(item, values):
        def value(name):
            own = f"{words} {name[0]}"
            if own not in values and name[0] not in values:
                raise AssertionError(f"neither {own} nor {name[0]} is in RIGHT and WRONG")
            return values.get(own, values.get(name[0]))
        return re.sub(r"[A-Z][A-Z-]*(\.\.\.)?", value, item.strip("[]"))
    needed = [item for item in items if not item.startswith("[")]
    for wrong in items:
        if re.search("[A-Z]", wrong):
            yield " ".join([words, *(typed(item, WRONG if item == wrong else RIGHT) for item in items
                                     if item == wrong or item in needed)])
    if needed:
        yield words
    if not items or not items[-1].strip("[]").endswith("..."):
        yield " ".join([words, *(typed(item, RIGHT) for item in needed), "nonsense"])


def a_mistake_in_any_command_is_an_error():
    plugins = sorted(path.stem for path in (BUILD / "plugins").glob("*.so"))
    with Weftd(f"[plugins]\nload = {json.dumps(plugins)}\n" + static_ports(*NAMES)) as weft:
        commands = {**usages(weft), **usages(weft, own=True)}
        at_least(len(commands), 50, "commands")
        before = weft.ctl("show config all")
        tried = [line for words, usage in commands.items() for line in mistakes(words, usage)]
        at_least(len(tried), 2 * len(commands), "mistakes")

        def fails(number):
            # As text or as JSON, in turn: what takes long is that weftctl starts.
            result = weft.weftctl(*(["--json"] if number % 2 else []), tried[number], cwd=weft.scratch)
            equal((result.returncode, result.stdout), (1, ""), f"weftctl {tried[number]}")
            equal("weftctl: " in result.stderr and result.stderr.endswith("\n"), True, f"weftctl {tried[number]}: {result}")
        with concurrent.futures.ThreadPoolExecutor(4) as several:
            list(several.map(fails, range(len(tried))))
        equal(weft.ctl("show config all"), before, "what runs, after mistakes alone")


def what_fails_says_so():
    with Weftd(static_ports(*NAMES)) as weft:
        for words, hint in ((["nonsense"], "there are:"), (["show"], "goes on with"), (["show", "prots"], '"ports"'),
                            (["show", "port"], "usage: show port NAME"), (["show", "port", "nobody"], NAMES[0]),
                            (["show", "l2", "fdb", "mac", "x"], "no MAC address"), (["trace", "add", "x", "1"], "l2-switch"),
                            (["port", "delete", "nobody"], "nobody"), (["watch"], "usage: watch"),
                            (["show", "errors"], 'did you mean "show drops"'), (["pcap", "trace"], 'mean "capture"'),
                            (["clear", "trace"], 'mean "trace clear"'), (["show", "log", "last", "0"], "at least 1"),
                            (["trace", "inject", "port", NAMES[0], "length", "60", "0200"], "this one has 2"),
                            (["watch", "show", "nonsense"], "has no"), (["completion", "fish"], "bash and zsh"),
                            (["--schema", "nonsense"], "there are:")):
            for json_too in ([], ["--json"]):
                result = weft.weftctl(*json_too, *words)
                equal((result.returncode, result.stdout), (1, ""), f"weftctl {json_too} {words}")
                equal(result.stderr.startswith("weftctl: ") and hint in result.stderr, True, f"{words}: {result.stderr}")
        equal(weft.weftctl("--nonsense").returncode, 2, "exit status of a wrong option")
    gone = subprocess.run([BUILD / "weftctl", "-s", weft.runtime_dir / "control.sock", "show", "ports"], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    equal((gone.returncode, gone.stdout), (1, ""), "weftctl without weftd")
    equal("no weftd answers" in gone.stderr and "weftd startup.conf" in gone.stderr, True, gone.stderr)


if __name__ == "__main__":
    run(all_kinds_of_ports_under_traffic, files_of_commands, what_fails_says_so, a_mistake_in_any_command_is_an_error)
