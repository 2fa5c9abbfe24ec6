# SPDX-License-Identifier: Apache-2.0
"""weftctl for programs: every command's JSON has the shape that it declares, every show command fits 80
columns, files of commands, and what fails says so on standard error with exit status 1."""
import json
import re
import subprocess

import jsonschema

from weft_e2e import BUILD, ROOT, Pair, Weftd, at_least, equal, mac, run, static_ports, wait_for

# As an orchestrator names them.
NAMES = ("checkout-api-7f9c6d-eth0", "payments-worker-x2k4p-eth0")
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
           "plugin load": "plugin load mac-guard", "plugin replace": "plugin replace mac-guard",
           "port feature set": f"port feature set {NAMES[0]} mac-guard allow={mac(1)}",
           "port feature delete": f"port feature delete {NAMES[0]} mac-guard",
           "plugin unload": "plugin unload mac-guard"}
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
    schema = json.loads(weft.weftctl("--schema", line).stdout)
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


def with_traffic(test):
    nic = '[[port]]\nname = "nic"\ndpdk = { device = "net_null0,no-rx=1" }\n'
    with Weftd(static_ports(*NAMES) + nic) as weft, Pair(weft, names=NAMES) as pair:
        weft.ctl("trace add vhost-input 2")
        pair.start()
        pair.wait_frames(1000)
        # One sends on and the other does not read: so there are drops, too.
        sender, receiver = pair.containers.values()
        receiver.stop()
        sender.stop()
        sender.forward("txonly")
        sender.start()
        wait_for(weft.drops, "a drop")
        test(weft)


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


def every_answer_has_the_shape_it_declares():
    def check(weft):
        found = usages(weft)
        at_least(len(found), 15, "commands")
        for words in [*(found.keys() - SPECIAL.keys()), *SPECIAL]:
            schema = schema_of(weft, words)
            for line in lines(words, found[words]):
                valid(weft, line, schema)
        weftctls_own_are_valid(weft)
        # What a kind of port tells is declared, beside the counters that a device has of its own.
        for line in (f"show port {NAMES[0]}", f"show port {NAMES[0]} attach", "show port nic"):
            declared = json.loads(weft.weftctl("--schema", line).stdout)["anyOf"]
            keys = {key: about["description"] for part in declared for key, about in part["properties"].items()}
            told = json.loads(weft.weftctl("--json", line).stdout)
            equal({key for key in told if key not in keys and not key.startswith("device-")}, set(), f"{line}: not declared")
            equal([key for key in told if keys.get(key) == ""], [], f"{line}: without help")
        # A check that says yes to everything is none.
        strict = json.loads(weft.weftctl("--schema", "show ports").stdout)
        broken = weft.ctl("show ports")
        broken[0]["rx-packets"] = "many"
        equal(jsonschema.Draft202012Validator(strict).is_valid(broken), False, "a broken answer")
    with_traffic(check)


def every_show_command_fits_80_columns():
    def check(weft):
        for words, usage in usages(weft).items():
            if words.split()[0] not in ("show", "help", "why") or words in FOR_PROGRAMS:
                continue
            for line in lines(words, usage):
                reply = weft.ask({"command": line, "format": "text", "width": 80})
                equal(reply["ok"], True, f"{line}: {reply.get('error')}")
                for row in reply["text"].splitlines():
                    # One word, a path above all, is never cut.
                    alone = len(row.split()) <= 2 and max(map(len, row.split()), default=0) > 40
                    equal(len(row) <= 80 or alone, True, f'{line}: {len(row)} columns: "{row}"')
    with_traffic(check)


def what_exists_is_offered():
    def check(weft):
        for line, expected in (("show port ", NAMES), ("show port pay", NAMES[1:]), ("why ", NAMES),
                               ("watch -n 1 show drops port ", NAMES), ("trace add vhost-in", ["vhost-input"]),
                               ("show l2 fdb bridge ", ["default"]), ("show l2 fdb mac ", [mac(1), mac(2)]),
                               ("port add web-9 ", ["dpdk", "vhost"]), ("sh", ["show"]), ("help show l", ["l2", "latency", "log"])):
            result = weft.weftctl("--complete", line)
            offered = {text for text, _ in (row.split("\t") for row in result.stdout.splitlines())}
            equal((result.returncode, set(expected) <= offered), (0, True), f'"{line}": {result.stdout}')
    with_traffic(check)


def watch_says_how_fast():
    def check(weft):
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
    with_traffic(check)


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
    run(every_answer_has_the_shape_it_declares, every_show_command_fits_80_columns, what_exists_is_offered,
        watch_says_how_fast, files_of_commands, what_fails_says_so)
