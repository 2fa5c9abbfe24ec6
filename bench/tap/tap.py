#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Two kernel containers through weft's taps, and the same two through a Linux bridge and veth pairs.

In each round both switches carry TCP one way, TCP the other way and small datagrams, one after the other, for some seconds
each; who begins changes from round to round. What is printed is the median of the rounds, lowest to highest in parentheses, and
the median of the rounds' own ratios. Beside it stands what weftd's worker did meanwhile, by its own counters and by the
kernel's account of its time.

usage: tap.py [--rounds 5] [--seconds 3] [--datagram 64] [--idle adaptive] [--nice 0] [--json FILE]
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import weft_e2e as e2e  # noqa: E402  (the path comes first)

ADDRESSES = ("10.99.0.1", "10.99.0.2")
MACS = (e2e.mac(1), e2e.mac(2))


@contextlib.contextmanager
def weft(idle):
    """Two namespaces, a TAP in each."""
    with contextlib.ExitStack() as stack:
        spaces = [stack.enter_context(e2e.Namespace(name, alone=True)) for name in ("one", "two")]
        config = f'[plugins]\ndirectory = "{e2e.BUILD / "plugins"}"\nload = ["tap"]\n' + "".join(
            f'[[port]]\nname = "{name}"\nbridge = "default"\nmac = "{mac}"\ntap = {{ netns = "{space.name}" }}\n'
            for name, mac, space in zip(("one", "two"), MACS, spaces))
        config += f'[workers]\ncores = [{max(os.sched_getaffinity(0))}]\nidle = "{idle}"\n'
        switch = stack.enter_context(e2e.Weftd(config))
        switch.wait_up("one", "two")
        for space, address in zip(spaces, ADDRESSES):
            space.ip("address", "add", f"{address}/24", "dev", "eth0")
        yield spaces, switch


@contextlib.contextmanager
def bridge():
    """Two namespaces, each with a veth pair to a bridge in a third."""
    with contextlib.ExitStack() as stack:
        middle = stack.enter_context(e2e.Namespace("bridge", alone=True))
        middle.ip("link", "add", "br0", "type", "bridge")
        middle.ip("link", "set", "br0", "up")
        spaces = [stack.enter_context(e2e.Namespace(name, f"{address}/24", mac, beside=middle))
                  for name, address, mac in zip(("three", "four"), ADDRESSES, MACS)]
        for space in spaces:
            middle.ip("link", "set", space.outside, "master", "br0")
        yield spaces, None


def iperf3(spaces, seconds, *options):
    server = spaces[1].process("iperf3", "iperf3", "--server", "--one-off", "--forceflush")
    try:
        e2e.wait_for(lambda: "listening" in server.log() or not server.alive(), "iperf3's server")
        result = spaces[0].run("iperf3", "--client", ADDRESSES[1], "--json", "--time", seconds, *options,
                               timeout=seconds + 60)
        server.wait(30)
        return json.loads(result.stdout)["end"]
    finally:
        server.kill()


def worker_times(switch):
    """(user, system) seconds of weftd's worker so far."""
    for thread, status in switch.threads().items():
        if status["Name"] == "weft-w0":
            fields = pathlib.Path(f"/proc/{switch.pid}/task/{thread}/stat").read_text().rsplit(")", 1)[1].split()
            return tuple(int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13])
    raise AssertionError("weftd has no worker")


def counts(switch):
    found = {f'{row["node"]} {row["counter"]}': row["count"] for row in switch.ctl("show counters")}
    rows = switch.ctl("show ports")
    found.update(packets=sum(row["rx-packets"] for row in rows), bytes=sum(row["rx-bytes"] for row in rows),
                 written=sum(row["tx-packets"] for row in rows), dropped=sum(row["drops"] for row in rows))
    found["user"], found["system"] = worker_times(switch)
    return found


def machine_times():
    """Seconds that the machine's cores have worked so far."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / os.sysconf("SC_CLK_TCK")


WORKS = {
    "tcp": ("TCP, Gbit/s", lambda s, a: iperf3(s, a.seconds)["sum_received"]["bits_per_second"] / 1e9),
    "tcp-reverse": ("TCP back, Gbit/s",
                    lambda s, a: iperf3(s, a.seconds, "--reverse")["sum_received"]["bits_per_second"] / 1e9),
    "udp": ("datagrams, thousands/s that arrive",
            lambda s, a: udp(iperf3(s, a.seconds, "--udp", "--bitrate", "0", "--length", a.datagram), a) / 1e3),
}


def udp(end, arguments):
    total = end["sum"]
    return (total["packets"] - total["lost_packets"]) / arguments.seconds


def measure(make, arguments):
    """{work: (result, what weftd did)}"""
    found = {}
    with make() as (spaces, switch):
        spaces[0].ping(ADDRESSES[1], 3)  # ARP, and a first look
        for work, (_, run) in WORKS.items():
            before = counts(switch) if switch else {}
            busy = machine_times()
            result = run(spaces, arguments)
            did = {"machine": machine_times() - busy}
            if switch:
                after = counts(switch)
                did.update({key: after[key] - before.get(key, 0) for key in after})
            found[work] = result, did
            time.sleep(0.2)
    return found


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def of_the_worker(dids):
    """A row of what weftd's worker did for a packet: medians over the rounds."""
    def median(value):
        return statistics.median(value(did) for did in dids)
    packets = median(lambda d: d["packets"])
    calls = median(lambda d: (d["tap-input reads"] + d["tap-input empty-reads"] + d["written"]) / max(d["packets"], 1))
    return (f"{median(lambda d: d['bytes'] / max(d['packets'], 1)):,.0f} | {packets:,.0f} | {calls:.2f} | "
            f"{median(lambda d: d['tap-input empty-reads'] / max(d['packets'], 1)):.3f} | "
            f"{median(lambda d: d['user'] / max(d['packets'], 1)) * 1e6:.2f} | "
            f"{median(lambda d: d['system'] / max(d['packets'], 1)) * 1e6:.2f} | {median(lambda d: d['dropped']):,.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--datagram", type=int, default=64)
    parser.add_argument("--idle", default="adaptive", help="of weftd's [workers]")
    parser.add_argument("--nice", type=int, default=0, help="of everything that is measured, if others are at work")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    e2e.interruptible()
    e2e.require_root()
    e2e.require_program("iperf3")
    os.setpriority(os.PRIO_PROCESS, 0, arguments.nice)
    subjects = {"tap": lambda: weft(arguments.idle), "bridge": bridge}
    rounds = []
    for number in range(arguments.rounds):
        order = list(subjects.items())
        rounds.append({name: measure(make, arguments) for name, make in (order[::-1] if number % 2 else order)})
        print(f"round {number + 1} of {arguments.rounds}: " + ", ".join(
            f"{work} {rounds[-1]['tap'][work][0]:.2f} and {rounds[-1]['bridge'][work][0]:.2f}" for work in WORKS),
            file=sys.stderr, flush=True)
    print("| work | weft's taps | bridge and veth | ratio | machine seconds, weft | bridge |\n|---|---|---|---|---|---|")
    for work, (title, _) in WORKS.items():
        results = {name: [r[name][work][0] for r in rounds] for name in subjects}
        busy = {name: [r[name][work][1]["machine"] for r in rounds] for name in subjects}
        ratio = [a / b for a, b in zip(results["tap"], results["bridge"])]
        print(f"| {title} | {spread(results['tap'])} | {spread(results['bridge'])} | {spread(ratio)} | "
              f"{spread(busy['tap'])} | {spread(busy['bridge'])} |")
    print("\n| work | bytes a packet | packets | calls a packet | of them empty | us a packet, user | system | dropped |\n"
          "|---|---|---|---|---|---|---|---|")
    for work, (title, _) in WORKS.items():
        print(f"| {title.split(',')[0]} | {of_the_worker([r['tap'][work][1] for r in rounds])} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(rounds))


if __name__ == "__main__":
    main()
