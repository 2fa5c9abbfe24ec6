# SPDX-License-Identifier: Apache-2.0
"""Ten things that go wrong, each for real: `why` names the cause, `show drops` counts it, and a trace shows
where the packet went. Where nothing is lost the test says so. docs/guide/debugging.md walks through them, and what it
shows is held against what the programs say here.

usage: why_test.py [--write]    (--write brings the page up to date)
"""
import contextlib
import pathlib
import sys

from stage.page import Page
from weft_e2e import BUILD, ROOT, Namespace, Process, Weftd, equal, mac, run, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
import child  # noqa: E402  (the path comes first)
import front_end  # noqa: E402
from front_end import Guest  # noqa: E402

FRAMES = 32
PAGE = Page(ROOT / "docs" / "guide" / "debugging.md", write="--write" in sys.argv[1:])


def port(name, options="", bridge="default"):
    return f'[[port]]\nname = "{name}"\nbridge = "{bridge}"\nvhost = {{}}\n{options}\n'


def own(number):
    return f'mac = "{mac(number)}"'


BRIDGES = '[[bridge]]\nname = "default"\n[[bridge]]\nname = "other"\n'
TWO = BRIDGES + port("web-1", own(1)) + port("web-2", own(2))


@contextlib.contextmanager
def attached(weft, *numbers, peers=None):
    """A container in each of web-1, web-2, ..., which sends to the one before or behind it."""
    with contextlib.ExitStack() as stack:
        guests = []
        for number in numbers:
            peer = (peers or {}).get(number, 3 - number)
            guests.append(stack.enter_context(Guest(weft.socket(f"web-{number}"), number, peer)))
            guests[-1].attach()
        weft.wait_up(*(f"web-{number}" for number in numbers))
        yield guests[0] if len(guests) == 1 else guests


def why(weft, name):
    """What `weftctl why` says, on one line."""
    done = weft.weftctl("why", name)
    equal((done.returncode, done.stderr), (0, ""), f"weftctl why {name}")
    return " ".join(done.stdout.split())


def findings(weft, name):
    return [row["finding"] for row in weft.ctl(f"why {name}")]


def names(weft, name, *words):
    """Waits until a finding of `why` has all of these words."""
    def found():
        return any(all(word in finding for word in words) for finding in findings(weft, name))
    try:
        wait_for(found, f"why {name} says {words}", timeout=30)
    except AssertionError as error:
        raise AssertionError(f"{error}; it says {findings(weft, name)}") from None


def traced(weft, node, guest, count=FRAMES):
    """Sends with a trace; the text of `show trace`."""
    weft.ctl("trace clear")
    weft.ctl(f"trace add {node} 1")
    wait_for(lambda: guest.room() >= count, "room for frames")
    equal(guest.send(count), count, "frames sent")
    shown = []

    def there():
        shown[:] = [weft.weftctl("show", "trace").stdout]
        return "Packet" in shown[0]
    wait_for(there, "a trace")
    return shown[0]


def dropped(weft, name, node, reason, least=FRAMES):
    """Waits for the count, and finds the packets themselves."""
    wait_for(lambda: weft.drops().get((name, node, reason), 0) >= least, f"{least} drops {node} {reason} of {name}")
    last = weft.ctl(f"show drops port {name} last 5")
    equal({(row["port"], row["node"], row["reason"]) for row in last}, {(name, node, reason)},
          "whose the last drops are")
    return last


def the_peer_is_dead():
    with Weftd(TWO) as weft, attached(weft, 1) as one:
        names(weft, "web-2", "down", "no container is connected")
        with child.Child(child.receiver(weft.socket("web-2"), 2, 1)) as two:
            two.told()
            weft.wait_up("web-2")
        wait_for(lambda: weft.port("web-2")["state"] == "down", "web-2 down")
        equal("port-down" in traced(weft, "vhost-input", one), True, "the trace ends at a port that is down")
        last = dropped(weft, "web-2", "vhost-output", "port-down")
        equal((last[0]["from"], last[0]["to"]), ("web-1", "web-2"), "the way of the last drop")
        equal(last[0]["frame"].startswith(f"{mac(1)} > {mac(2)}"), True, "its addresses")
        names(weft, "web-2", "no container is connected")
        names(weft, "web-2", "port-down")
        equal("show port web-2 attach" in why(weft, "web-2"), True, "the advice")
        for command in ("why web-2", "show drops port web-2", "show drops port web-2 last 2", "show trace"):
            PAGE.shows(weft, "Nobody is there", command)


def a_receiver_does_not_read():
    with Weftd(TWO) as weft, attached(weft, 1, 2) as (one, _):
        while weft.drops().get(("web-2", "vhost-output", "ring-full"), 0) < FRAMES:
            one.send(one.room())
        equal("ring-full" in traced(weft, "vhost-input", one), True, "the trace ends at a full ring")
        dropped(weft, "web-2", "vhost-output", "ring-full")
        names(weft, "web-2", "no free buffer")
        names(weft, "web-2", "packets to it", "ring-full", "%")
        equal(weft.ctl("show port web-2")["ring-tx-free"], 0, "free receive buffers")
        for command in ("why web-2", "show drops port web-2", "show trace"):
            PAGE.shows(weft, "It is there, and does not read", command)


def a_frame_is_longer_than_the_mtu():
    with Weftd(BRIDGES + port("web-1", own(1) + "\nmtu = 128") + port("web-2", own(2))) as weft, \
         attached(weft, 1, 2) as (one, two):
        one.send(FRAMES)
        last = dropped(weft, "web-1", "vhost-input", "too-long")
        equal(last[-1]["length"], None, "a frame that never became a packet has no length")
        names(weft, "web-1", "too-long", "MTU")
        equal("too-long" in traced(weft, "vhost-input", two), True, "the trace ends at the smaller MTU")
        names(weft, "web-1", "vhost-output", "too-long")
        wait_for(lambda: weft.drops().get(("web-1", "vhost-output", "too-long"), 0) >= FRAMES, "drops at the output")
        for command in ("why web-1", "show drops port web-1", "show trace"):
            PAGE.shows(weft, "A frame is too long", command)


def memory_is_not_shared():
    with Weftd(TWO) as weft, Guest(weft.socket("web-1"), 1, 2) as guest:
        share, guest.share = guest.share, lambda: None
        with contextlib.suppress(front_end.Refused):
            guest.attach()
        names(weft, "web-1", "shared no memory", "SET_MEM_TABLE")
        with attached(weft, 2) as two:
            equal("port-down" in traced(weft, "vhost-input", two), True, "the trace ends at a port that is not up")
            dropped(weft, "web-1", "vhost-output", "port-down")
            names(weft, "web-1", "port-down")
            names(weft, "web-1", "shared no memory", "SET_MEM_TABLE")
            for command in ("why web-1", "show drops port web-1", "show trace"):
                PAGE.shows(weft, "Connected, but not up", command)
        guest.share = share
    # Too many regions are refused, with what to do.
    with Weftd(TWO) as weft, Guest(weft.socket("web-1"), 1, 2) as guest:
        with contextlib.suppress(front_end.Refused):
            guest.attach()
            guest.share([(guest.file, 4096)] * 7)
            guest.share([(guest.file, 4096)] * 8)
        names(weft, "web-1", "in error", "--single-file-segments")
        PAGE.shows(weft, "Connected, but not up", "why web-1")


def an_address_is_on_another_port():
    with Weftd(BRIDGES + port("web-1") + port("web-2") + port("web-3")) as weft, \
         attached(weft, 1, 2) as (one, two), Guest(weft.socket("web-3"), 1, 2) as thief:
        thief.attach()
        weft.wait_up("web-3")
        for guest in (one, two):
            guest.send(1)
        wait_for(lambda: weft.addresses().get(mac(1)) == "web-1", "the address is learned")
        thief.send(FRAMES)
        wait_for(lambda: weft.addresses().get(mac(1)) == "web-3", "the address has moved")
        equal("web-3" in traced(weft, "l2-switch", two, 1), True, "the trace goes where the address is now")
        names(weft, "web-1", mac(1), "web-3")
        moved = {"port": "web-1", "count": 1, "details": f"{mac(1)} to web-3, bridge default"}
        wait_for(lambda: any(moved.items() <= row.items() for row in weft.ctl("show events port web-1")
                             if row["event"] == "mac-moved"), "the move is an event")
        # What is for web-1 is delivered, to another: none of it is lost.
        equal(weft.drops(), {}, "drops")
        for command in ("why web-1", "show drops", "show trace"):
            PAGE.shows(weft, "Its address is somewhere else", command)


def the_bridge_is_the_wrong_one():
    with Weftd(BRIDGES + port("web-1", own(1)) + port("web-2", own(2), bridge="other")) as weft, \
         attached(weft, 1, 2) as (one, _):
        equal("no-members" in traced(weft, "vhost-input", one), True, "the trace ends in an empty bridge")
        dropped(weft, "web-1", "flood", "no-members")
        names(weft, "web-1", "alone in bridge default")
        names(weft, "web-1", f"{FRAMES} of {FRAMES} packets from it (100 %)")
        names(weft, "web-2", "alone in bridge other")
        for command in ("why web-1", "show drops port web-1", "show trace"):
            PAGE.shows(weft, "The wrong bridge", command)


def a_source_is_spoofed():
    with Weftd(TWO) as weft, attached(weft, 1), Guest(weft.socket("web-2"), 1, 1) as liar:
        liar.attach()
        weft.wait_up("web-2")
        equal("stolen-source" in traced(weft, "vhost-input", liar), True, "the trace ends at the theft")
        last = dropped(weft, "web-2", "l2-switch", "stolen-source")
        equal(last[0]["frame"].startswith(mac(1)), True, "the stolen address")
        names(weft, "web-2", "stolen-source", "static address of another port")
        for command in ("why web-2", "show drops port web-2", "show trace"):
            PAGE.shows(weft, "It sends from an address that is not its own", command)


def a_ring_is_broken():
    with Weftd(TWO) as weft, attached(weft, 1, 2) as (one, two):
        one.transmit_ring.available16[1] = one.transmit_ring.size * 3
        one.kick()
        names(weft, "web-1", "in error", "more is available than the ring has")
        equal("show log" in why(weft, "web-1"), True, "the advice")
        # What it sent it has lost itself; what is sent to it is lost here.
        equal("port-down" in traced(weft, "vhost-input", two), True, "the trace ends at a port in error")
        dropped(weft, "web-1", "vhost-output", "port-down")
        for command in ("why web-1", "show drops port web-1", "show trace"):
            PAGE.shows(weft, "The port is in error", command)


def a_worker_has_too_much_to_do():
    with Weftd(BRIDGES + port("web-1") + port("web-2")) as weft:
        load = Process("weft-load", ["nice", "-n", "-15", BUILD / "weft-load", "--seconds=60", weft.socket("web-1"), weft.socket("web-2")])
        try:
            weft.wait_up("web-1", "web-2")
            names(weft, "web-1", "worker 0", "busy")
            PAGE.shows(weft, "A worker has too much to do", "why web-1", among=True)
            # What it does not get to waits in the container's ring: none of it is lost, unless at a receiver.
            weft.ctl("trace add vhost-input 1 port web-1")
            wait_for(lambda: weft.ctl("show trace paths")["paths"], "a trace")
            equal({steps[-1]["node"] for steps in weft.ctl("show trace").values()}, {"vhost-output"}, "where the trace ends")
            equal({key for key in weft.drops() if key[1:] != ("vhost-output", "ring-full")}, set(), "drops of others than receivers")
        finally:
            load.kill()


def a_link_is_down():
    with Namespace("host", "10.99.0.1/24", "02:00:00:00:01:01") as host, \
         Weftd(TWO + f'[[port]]\nname = "uplink"\nbridge = "default"\nmac = "{mac(9)}"\n'
               f'dpdk = {{ device = "net_af_packet0,iface={host.outside}" }}\n') as weft, \
         attached(weft, 1, peers={1: 9}) as one:
        weft.wait_up("uplink")
        host.ip("link", "set", "eth0", "down")
        names(weft, "uplink", "down", f"{host.outside} has no carrier")
        names(weft, "web-1", "none of the", "is up")
        equal("port-down" in traced(weft, "vhost-input", one), True, "the trace ends at a device without a link")
        dropped(weft, "uplink", "nic-output", "port-down")
        names(weft, "uplink", "nic-output, port-down")
        for command in ("why uplink", "show drops port uplink", "show trace"):
            PAGE.shows(weft, "The link is down", command, names=[(host.outside, "eth1")])
        host.ip("link", "set", "eth0", "up")
        weft.wait_up("uplink")


def the_page_shows_nothing_else():
    PAGE.close()


if __name__ == "__main__":
    run(the_peer_is_dead, a_receiver_does_not_read, a_frame_is_longer_than_the_mtu, memory_is_not_shared,
        an_address_is_on_another_port, the_bridge_is_the_wrong_one, a_source_is_spoofed, a_ring_is_broken,
        a_worker_has_too_much_to_do, a_link_is_down, the_page_shows_nothing_else)
