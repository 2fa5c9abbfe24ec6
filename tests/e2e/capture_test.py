# SPDX-License-Identifier: Apache-2.0
"""Traces and captures of real traffic: filters, paths, dry runs, pcapng files that tshark reads, live ones."""
import collections
import contextlib
import json
import os
import shutil
import signal
import subprocess

from weft_e2e import (BUILD, ROOT, Pair, Testpmd, Weftd, equal, mac, ordinary_user, require_program, run, static_ports,
                      wait_equal, wait_for)
from stage.process import Process

FIELDS = ("frame.interface_name", "frame.comment", "frame.len", "eth.src")


def environment(weft):
    """Neither tshark nor we leave anything in the home directory of whoever runs the test."""
    return {"HOME": str(weft.scratch), "XDG_CONFIG_HOME": str(weft.scratch), "WEFTCTL": str(weft.scratch / "weftctl"),
            "WEFT_SOCKET": str(weft.runtime_dir / "control.sock"), "WIRESHARK_EXTCAP_DIR": str(weft.scratch / "extcap")}


def tshark(weft, *words, user=None, timeout=120):
    """What tshark prints; it has to succeed."""
    other = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    result = subprocess.run(["tshark", *map(str, words)], **other, env={**os.environ, **environment(weft)}, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
    equal(result.returncode, 0, f"tshark {words}: {result.stderr}")
    return result.stdout


def rows(weft, file):
    """The packets of a capture file as tuples of FIELDS."""
    words = [word for field in FIELDS for word in ("-e", field)]
    return [tuple(line.split("\t")) for line in tshark(weft, "-r", file, "-T", "fields", *words).splitlines()]


@contextlib.contextmanager
def capturing(weft, file, *words):
    """weftctl capture, running."""
    captures = {row["capture"] for row in weft.ctl("show captures")}
    process = Process("weftctl capture", [BUILD / "weftctl", "capture", "-w", file, *words], environment(weft))
    try:
        wait_for(lambda: {row["capture"] for row in weft.ctl("show captures")} - captures or not process.alive(),
                 "the capture is there")
        equal(process.alive(), True, f"weftctl capture runs: {process.log()}")
        yield process
    except BaseException:
        process.report()
        raise
    finally:
        process.kill()


@contextlib.contextmanager
def one_sender(peer):
    """weftd with two containers, of which web-1 sends 32 frames to `peer` with start(tx_first=1)."""
    with Weftd(static_ports("web-1", "web-2")) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), peer=peer, mode="rxonly") as sender, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly") as receiver:
        weft.wait_up("web-1", "web-2")
        receiver.start()
        yield weft, sender


def files_that_tshark_reads():
    require_program("tshark")
    with one_sender(mac(2)) as (weft, sender), contextlib.ExitStack() as stack:
        wanted = {"port": ("port", "web-1"), "all": (), "arc": ("node", "l2-switch.port-output", "snaplen", "20"),
                  "filtered": ("node", "l2-switch", "filter", f"ether src {mac(2)}"),
                  "drops": ("drop", "any")}
        files = {name: weft.scratch / f"{name}.pcapng" for name in wanted}
        captures = {name: stack.enter_context(capturing(weft, files[name], *words))
                    for name, words in wanted.items()}
        sender.start(tx_first=1)
        wait_equal(lambda: weft.port("web-2")["tx-packets"], 32, "frames delivered")
        for process in captures.values():
            process.send_signal(signal.SIGINT)
        for name, process in captures.items():
            equal(process.wait(60), 0, f"exit status of the capture of {name}: {process.log()}")
        for name, packets in (("port", 32), ("all", 64), ("arc", 32), ("filtered", 0), ("drops", 0)):
            equal(f"{packets} packets captured, 0 lost" in captures[name].log(), True,
                  f"what the capture of {name} says: {captures[name].log()}")
            equal(len(rows(weft, files[name])), packets, f"packets of {name}")
        equal(weft.ctl("show captures"), [], "captures that stay")
        equal(files["port"].stat().st_mode & 0o777, 0o600, "who may read a capture")
        for interface, comment, length, source in rows(weft, files["port"]):
            equal((interface, length, source), ("web-1", "64", mac(1)), "a packet of web-1")
            equal(comment.startswith("vhost-input: -> port-input; worker 0, "), True, comment)
        counts = collections.Counter((interface, comment.split(";")[0])
                                     for interface, comment, _, _ in rows(weft, files["all"]))
        equal(counts, {("web-1", "vhost-input: -> port-input"): 32, ("web-2", "vhost-output: sent"): 32},
              "where the packets came in and left")
        kept = tshark(weft, "-r", files["arc"], "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len")
        equal(set(kept.split("\n")), {"20\t64", ""}, "bytes kept of a packet, and its length")


def drops_by_reason():
    require_program("tshark")
    with one_sender(mac(1)) as (weft, sender):  # to itself
        file = weft.scratch / "drops.pcapng"
        with capturing(weft, file, "drop", "hairpin", "port", "web-1", "count", "5") as process:
            sender.start(tx_first=1)
            equal(process.wait(60), 0, f"exit status: {process.log()}")  # ends by its count
            equal("5 packets captured, 0 lost" in process.log(), True, process.log())
        wait_equal(lambda: weft.drops(), {("web-1", "l2-switch", "hairpin"): 32}, "drops")
        found = rows(weft, file)
        equal([(row[0], row[1].split(";")[0]) for row in found], 5 * [("web-1", "l2-switch: drop: hairpin")],
              "what was dropped")


def live_in_tshark():
    require_program("tshark")
    user = ordinary_user()  # root's tshark looks into no other folder for extcaps than the system's
    with Weftd(static_ports("web-1", "web-2"), user=user) as weft, Pair(weft, user=user) as pair:
        folder = weft.scratch / "extcap"
        folder.mkdir()
        shutil.copy(ROOT / "scripts" / "weft-extcap", folder)
        shutil.copy(BUILD / "weftctl", weft.scratch)
        listed = tshark(weft, "-D", user=user)
        for interface in ("weft-all", "weft-drops", "weft.web-1", "weft.web-2"):
            equal(interface in listed, True, f"{interface} in what tshark lists:\n{listed}")
        equal("EN10MB" in tshark(weft, "-i", "weft.web-1", "-L", user=user), True, "its link type")
        pair.start()
        found = tshark(weft, "-i", "weft.web-1", "-f", f"ether src {mac(2)}", "-c", "10", "-T", "fields",
                       "-e", "frame.interface_name", "-e", "eth.src", "-e", "frame.comment", user=user)
        lines = found.splitlines()
        equal(len(lines), 10, f"packets that tshark shows:\n{found}")
        for line in lines:
            interface, source, comment = line.split("\t")
            equal((interface, source), ("web-1", mac(2)), "a packet of the live capture")
            equal(comment.startswith("vhost-output: sent"), True, comment)
        wait_equal(lambda: [row for row in weft.ctl("show captures") if row["state"] == "running"], [],
                   "captures that go on once tshark has gone")
        pair.finish()


def errors_say_what_is_wrong():
    with Weftd(static_ports("web-1", "web-2")) as weft:
        for command, answer in (("trace add vhost-input 1 filter 'tcp and'", "syntax error"),
                                ("trace add vhost-input 1 filter 'host example.com'", "no name is looked up"),
                                ("trace add vhost-input 1 port web-9", 'no port "web-9"'),
                                ("capture start node l3", 'no node "l3"'),
                                ("capture start node l2-switch.nowhere", "it has: port-output, flood"),
                                ("capture start drop nothing", "there are: any,"),
                                ("capture start node flood drop any", "exclude each other"),
                                ("capture start snaplen 5", "14 to 9216"), ("capture read 7", "no capture 7"),
                                ("trace inject port web-1 00", "a frame has 14"),
                                ("trace inject port web-1 0000 xy", "hexadecimal")):
            result = weft.weftctl(command)
            equal((result.returncode, result.stdout, answer in result.stderr), (1, "", True),
                  f'"{command}": {result.stderr}')
        equal(weft.ctl("show captures"), [], "captures that nobody got")
        # libpcap asks the system how to write this address; the sandbox lets it.
        weft.ctl("trace add vhost-input 1 filter 'ip6 host fe80::1 and udp port 53'")
        result = weft.weftctl("capture", "-w", "/nonexistent/file")
        equal((result.returncode, "/nonexistent/file" in result.stderr), (1, True), f"no such folder: {result}")
        wait_equal(lambda: [row for row in weft.ctl("show captures") if row["state"] == "running"], [],
                   "captures that go on without their file")
        # A slip does not cost the capture of yesterday.
        kept = weft.scratch / "kept.pcapng"
        kept.write_text("yesterday")
        for words in (("port", "nobody"), ("filter", "tcp and"), ("count", "many")):
            result = weft.weftctl("capture", "-w", kept, *words)
            equal((result.returncode, result.stdout, kept.read_text()), (1, "", "yesterday"), f"{words}: {result}")
        # Wireshark takes what an extcap says of a filter for what is wrong with it.
        for text, good in (("tcp port 80", True), ("tcp and", False), ("host example.com", False)):
            result = weft.weftctl("extcap", "--extcap-interface=weft.web-1", f"--extcap-capture-filter={text}")
            equal((result.returncode, result.stdout == "", result.stderr), (0, good, ""), f"the filter {text}: {result}")
        fifo = weft.scratch / "fifo"
        os.mkfifo(fifo)  # nobody reads it: with a bad filter it is not even opened
        result = weft.weftctl("extcap", "--capture", "--extcap-interface=weft.web-1", f"--fifo={fifo}",
                              "--extcap-capture-filter=tcp and")
        equal((result.returncode, "syntax error" in result.stderr), (1, True), f"a live capture: {result}")


def captures_from_a_file_of_commands():
    with one_sender(mac(1)) as (weft, sender):
        file, script = weft.scratch / "drops.pcapng", weft.scratch / "capture.weft"
        script.write_text(f"capture -w {file} drop any count 5\nshow version\n")
        process = Process("weftctl", [BUILD / "weftctl", "-f", script], environment(weft))
        try:
            wait_for(lambda: weft.ctl("show captures"), "the capture is there")
            sender.start(tx_first=1)
            equal(process.wait(60), 0, f"exit status: {process.log()}")
        finally:
            process.kill()
        equal(["5 packets captured" in process.log(), "dpdk:" in process.log()], [True, True], process.log())
        equal(file.read_bytes()[:4], b"\x0a\x0d\x0d\x0a", "the first block of a pcapng file")


def traces_with_a_filter():
    with Weftd(static_ports("web-1", "web-2")) as weft, Pair(weft) as pair:
        weft.ctl(f"trace add vhost-input 3 filter 'ether src {mac(2)}'")
        pair.start()
        pair.wait_frames()
        wait_for(lambda: weft.ctl("show trace paths")["paths"] != [], "traces")
        path, = weft.ctl("show trace paths")["paths"]
        equal((path["packets"], path["path"]),
              (3, "vhost-input -> port-input, l2-switch -> port-output, vhost-output sent"), "the only path")
        steps = [steps for steps in weft.ctl("show trace").values()]
        equal({step["details"].split(", source ")[1][:17] for trace in steps for step in trace
               if step["node"] == "l2-switch"}, {mac(2)}, "senders of the traced packets")
        for trace in steps:
            cycles = [step["cycles"] for step in trace]
            equal((cycles[0], cycles), (0, sorted(cycles)), "cycles of the steps")
        weft.ctl("trace clear")
        weft.ctl("trace add vhost-output 2 port web-2")
        pair.wait_frames()
        wait_for(lambda: weft.ctl("show trace paths")["paths"] != [], "traces")
        equal({step["out-port"] for trace in weft.ctl("show trace").values() for step in trace} <= {"web-1", "web-2"},
              True, "ports of the traced packets")
        pair.finish()


def dry_runs():
    config = ('[plugins]\nload = ["mac-guard"]\n' + static_ports("web-1", options=f'mac-guard = {{ allow = "{mac(1)}" }}')
              + '[[port]]\nname = "web-2"\nvhost = {}\n[[port]]\nname = "web-3"\nvhost = {}\n')

    def state(weft):
        ports = [{key: row[key] for key in ("name", "rx-packets", "tx-packets", "drops")}
                 for row in weft.ctl("show ports")]
        nodes = {row["node"]: row["packets"] for row in weft.ctl("show runtime")}
        return ports, nodes, weft.ctl("show drops"), weft.ctl("show counters"), weft.addresses()

    def way(weft, port, destination, source, length=60):
        frame = (destination + source).replace(":", "") + "0800"
        steps = weft.ctl(f"trace inject port {port} length {length} {frame}")
        return [(step["node"], step["verdict"], step["out-port"]) for step in steps]

    with Weftd(config) as weft, Testpmd(weft.socket("web-2"), mac=mac(2)):
        weft.wait_up("web-2")
        before = state(weft)
        down = [row["reason"] for row in weft.ctl("show ports") if row["name"] == "web-1"][0]
        equal(way(weft, "web-1", mac(9), mac(7)),
              [("port-input", "continue", "-"), ("mac-guard", "drop: spoofed", "-")], "a stolen source")
        equal(way(weft, "web-2", mac(1), mac(2)),
              [("port-input", "continue", "-"), ("l2-switch", "-> port-output", "web-1"),
               ("vhost-output", f"would drop: the port is down, {down}", "web-1")], "to a port that is down")
        equal(way(weft, "web-3", mac(9), mac(3)),
              [("port-input", "continue", "-"), ("l2-switch", "-> flood", "-"), ("flood", "-> port-output", "web-2"),
               ("vhost-output", "would send", "web-2")], "a flooded frame")
        equal(way(weft, "web-3", mac(9), mac(3), 1515)[-1], ("vhost-output", "would drop: too-long", "web-2"),
              "a frame that is too long")
        equal(way(weft, "web-3", mac(9), "01:00:00:00:00:01")[-1], ("l2-switch", "drop: bad-source", "-"),
              "a group address as source")
        equal(state(weft), before, "what operators see, and what was learned")
        file = weft.scratch / "frames.pcap"
        frames = [bytes.fromhex((mac(9) + mac(3)).replace(":", "") + "0800") + bytes(46),
                  bytes.fromhex((mac(9) + "010000000001").replace(":", "") + "0800") + bytes(9000)]
        with file.open("wb") as out:
            out.write(b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(8) + (65535).to_bytes(4, "little") + b"\x01\0\0\0")
            for frame in frames:
                out.write(bytes(8) + 2 * len(frame).to_bytes(4, "little") + frame)
        result = weft.weftctl("trace", "inject", "port", "web-3", file)
        equal((result.returncode, result.stderr), (0, ""), "weftctl trace inject with a file")
        for text in ("Packet 1, 60 bytes", "would send", "Packet 2, 9014 bytes", "drop: bad-source"):
            equal(text in result.stdout, True, f"{text} in:\n{result.stdout}")
        found = json.loads(weft.weftctl("--json", "trace", "inject", "port", "web-3", file).stdout)
        equal([packet[-1]["verdict"] for packet in found.values()], ["would send", "drop: bad-source"], "the same as JSON")
        equal(weft.weftctl("trace", "inject", "port", "web-3", weft.config_file).returncode, 1,
              "exit status for a file that is no capture")
        equal(state(weft), before, "the same after that")


if __name__ == "__main__":
    run(errors_say_what_is_wrong, captures_from_a_file_of_commands, dry_runs, traces_with_a_filter, files_that_tshark_reads, drops_by_reason,
        live_in_tshark)
