# SPDX-License-Identifier: Apache-2.0
"""Kernel containers by AF_XDP: the kernel's own frames out of a veth, through the switch and back."""
import json
import os
import pathlib
import subprocess

from stage import streams
from weft_e2e import (BUILD, Ledger, Namespace, Testpmd, Weftd, at_least, drain, equal, mac, ports, require_program,
                      run, skip, static_ports, wait_equal, wait_for)

LEFT_MAC, RIGHT_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02"
LEFT, RIGHT = "10.97.0.1", "10.97.0.2"
PINGS = 50
TURNS = 20
RIGHTS = 'keep-capabilities = ["net-raw", "net-admin", "bpf", "ipc-lock"]'


def plugin():
    """What loads the plugin."""
    folder = BUILD / "plugins"
    if not (folder / "af-xdp.so").exists():
        skip(f"{folder}/af-xdp.so is not built")
    return f'[plugins]\ndirectory = "{folder}"\nload = ["af-xdp"]\n'


def port(name, interface, keys="", options=""):
    return (f'[[port]]\nname = "{name}"\nbridge = "default"\naf-xdp = {{ interface = "{interface}"{keys} }}\n'
            f'{options}\n')


def pair(left, right, keys=""):
    return plugin() + port("left", left.outside, keys) + port("right", right.outside, keys)


def left_and_right():
    return Namespace("left", f"{LEFT}/24", LEFT_MAC), Namespace("right", f"{RIGHT}/24", RIGHT_MAC)


def xdp(interface, namespace=None):
    """What the kernel says of an interface's XDP program; None if it has none."""
    link, = json.loads(_ip(namespace, "-json", "link", "show", interface))
    return link.get("xdp")


def _ip(namespace, *words):
    if namespace is not None:
        return namespace.ip(*words)
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def counted(weft, node, counter):
    return sum(row["count"] for row in weft.ctl("show counters")
               if (row["node"], row["counter"]) == (node, counter))


def mappings(weft):
    """{what is mapped: how often}, of AF_XDP's rings and of frames."""
    lines = pathlib.Path(f"/proc/{weft.pid}/maps").read_text().splitlines()
    names = [line.split(None, 5)[5] if len(line.split(None, 5)) == 6 else "" for line in lines]
    return {"rings": sum("socket:" in name for name in names), "all": len(names)}


def a_ping_and_streams_between_two_kernels():
    """Every frame is accounted for, at the kernels' ends too."""
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        heard = {"left": left.received(), "right": right.received()}
        before = {name: weft.port(name)["tx-packets"] for name in heard}
        equal(left.ping(RIGHT, PINGS), PINGS, "echoes of the right kernel")
        equal(right.ping(LEFT, PINGS, "-s", "1472", "-M", "do"), PINGS, "whole echoes of the left kernel")
        equal(weft.addresses(), {LEFT_MAC: "left", RIGHT_MAC: "right"}, "learned addresses")
        # Both kernels leave checksums to their device, the veth.
        streams.stream(left, right, RIGHT, 8_000_000, seed=1)
        streams.stream(right, left, LEFT, 8_000_000, seed=2)
        at_least(counted(weft, "af-xdp-input", "completed-checksums"), 1, "completed checksums")

        def balanced():
            return all(space.received() - heard[name] == weft.port(name)["tx-packets"] - before[name]
                       for name, space in (("left", left), ("right", right)))
        wait_for(balanced, "each kernel has heard what weft sent it")
        equal({key: count for key, count in weft.drops().items() if key[1] != "af-xdp-output"}, {},
              "frames that weft lost otherwise than by full rings")


def another_build():
    """plugin replace: the new build takes the interfaces, and the programs on them, from the one before."""
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        equal(left.ping(RIGHT, 3), 3, "echoes of the right kernel")
        fds = weft.fds()
        for _ in range(3):
            equal(left.ping(RIGHT, 3), 3, "echoes of the right kernel")
            weft.ctl("plugin replace af-xdp")
            weft.wait_up("left", "right")
        equal(left.ping(RIGHT, 3), 3, "echoes by way of the last build")
        wait_equal(weft.fds, fds, "descriptors of weftd")


def attached_as_the_port_says():
    """The lines of `show port NAME attach` make the container's namespace and its veth."""
    peer, name = Namespace("peer", f"{LEFT}/24", LEFT_MAC), f"weft-{os.getpid()}-child"
    veth = f"w{os.getpid() % 10**7}-child"[:15]
    options = f'mac = "{RIGHT_MAC}"\nmtu = 1400'
    with peer, Weftd(plugin() + port("peer", peer.outside) + port(name, veth, options=options)) as weft:
        equal(weft.port(name)["state"], "down", "a port whose container is not there")
        equal("attach has what" in weft.weftctl("why", name).stdout, True, "the advice of why")
        told = weft.ctl(f"show port {name} attach")
        try:
            for key in ("namespace", "veth", "inside", "outside"):
                subprocess.run(told[key].split(), check=True, capture_output=True, text=True)
            weft.wait_up("peer", name)
            equal(told["podman"], f"--network=ns:/run/netns/{name}", "podman's argument")
            equal(weft.ctl(f"show port {name} attach"), told, "how to get there, once somebody is there")
            _ip(None, "-n", name, "address", "add", f"{RIGHT}/24", "dev", "eth0")
            equal(peer.ping(RIGHT, 3, "-s", "1372", "-M", "do"), 3, "echoes of the container")
            equal(weft.addresses()[RIGHT_MAC], name, "whose address it is")
        finally:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
            subprocess.run(["ip", "link", "delete", veth], check=False, capture_output=True)


def frames_arrive_in_order_and_once():
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        for size, seed in ((60, 1), (61, 2), (1514, 3)):
            sent = {name: weft.port(name) for name in ("left", "right")}
            streams.frames(left, right, RIGHT_MAC, 2000, size, seed)
            wait_equal(lambda: weft.port("right")["tx-packets"] - sent["right"]["tx-packets"], 2000, "frames sent")
            equal(weft.port("left")["rx-packets"] - sent["left"]["rx-packets"], 2000, "frames received")
        equal(weft.drops(), {}, "frames that weft lost")


def without_completing_a_container_has_to():
    """complete-checksums = false: TCP takes `ethtool -K eth0 tx off` in the container, as the guide says."""
    require_program("ethtool")
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right, ", complete-checksums = false")) as weft:
        weft.wait_up("left", "right")
        for space in (left, right):
            space.run("ethtool", "-K", "eth0", "tx", "off")
        streams.stream(left, right, RIGHT, 1_000_000, seed=3)
        equal(counted(weft, "af-xdp-input", "completed-checksums"), 0, "completed checksums")


def a_vhost_container_in_the_same_bridge():
    host = Namespace("host", f"{LEFT}/24", LEFT_MAC)
    with host, Weftd(plugin() + static_ports("web-1", "web-2") + port("veth", host.outside)) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), mode="icmpecho") as echo, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly") as other:
        containers = {"web-1": echo, "web-2": other}
        weft.wait_up("veth", *containers)
        other.stop()  # nobody answers for the other
        echo.start()
        ledger = Ledger(weft, containers, nics=["veth"])
        equal(host.ping("10.97.0.4", PINGS), PINGS, "echoes of the container")
        equal(host.ping("10.97.0.4", PINGS, "-s", "1472", "-M", "do"), PINGS, "whole echoes of the container")
        drain(*containers.values())
        equal(ledger.close().drops, {}, "frames that weft lost")


def a_weftd_that_is_killed_leaves_no_program():
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        for space in (left, right):
            equal(xdp(space.outside) is not None, True, f"whether {space.outside} has a program")
        weft.kill()
        for space in (left, right):
            wait_equal(lambda: xdp(space.outside), None, f"the program of {space.outside}")


def ports_come_and_go():
    """Again and again, with a ping each time: nothing of those before is left."""
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        equal(left.ping(RIGHT, 1), 1, "echoes")
        before = weft.fds(), mappings(weft)
        at_least(before[1]["rings"], 8, "mapped rings of two sockets")
        for turn in range(TURNS):
            weft.ctl("port delete left")
            if turn % 2:  # with and without waiting for the former socket
                wait_equal(lambda: xdp(left.outside), None, "the program of a deleted port")
            weft.ctl(f"port add left af-xdp interface={left.outside}")
            weft.wait_up("left")
            equal(left.ping(RIGHT, 1), 1, "echoes")
        wait_equal(lambda: (weft.fds(), mappings(weft)), before, "descriptors and mappings")


def an_interface_that_goes_comes_back():
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        equal(left.ping(RIGHT, PINGS), PINGS, "echoes")
        before = weft.fds(), mappings(weft)
        left.ip("link", "set", "eth0", "down")
        wait_equal(lambda: (weft.port("left")["state"], weft.port("left")["reason"]),
                   ("down", f"{left.outside} has no carrier"), "state and reason")
        left.ip("link", "set", "eth0", "up")
        weft.wait_up("left")
        _ip(None, "link", "set", left.outside, "down")
        wait_for(lambda: "is switched off" in weft.port("left")["reason"], "the reason says so")
        _ip(None, "link", "set", left.outside, "up")
        weft.wait_up("left")
        equal(left.ping(RIGHT, PINGS), PINGS, "echoes, after it is up again")
        for _ in range(2):
            left.unplug()
            wait_equal(lambda: weft.port("left")["reason"], f"waits: there is no network interface {left.outside}",
                       "the reason")
            right.ip("neighbour", "flush", "all")
            equal(right.ping(LEFT, 1, "-W", "1"), 0, "echoes while it is not there")
            left.plug()
            weft.wait_up("left")
            equal(left.ping(RIGHT, PINGS), PINGS, "echoes, after it is back")
        wait_equal(lambda: (weft.fds(), mappings(weft)), before, "descriptors and mappings")


def an_interface_in_another_namespace():
    """The container's outer end is in a namespace of its own; when that goes, nothing of weft's keeps it."""
    with Namespace("outer", alone=True) as outer:
        left = Namespace("left", f"{LEFT}/24", LEFT_MAC, beside=outer)
        right = Namespace("right", f"{RIGHT}/24", RIGHT_MAC)
        config = plugin() + port("left", left.outside, f', netns = "{outer.name}"') + port("right", right.outside)
        with left, right, Weftd(config) as weft:
            weft.wait_up("left", "right")
            equal(left.ping(RIGHT, PINGS), PINGS, "echoes")
            equal(xdp(left.outside, outer) is not None, True, "whether the interface has a program")
            subprocess.run(["ip", "netns", "delete", outer.name], check=True)
            wait_for(lambda: "there is no network namespace" in weft.port("left")["reason"], "the port waits")
            # The namespace took the veth along, and its other end went too.
            wait_for(lambda: left.run("ip", "link", "show", "eth0", check=False).returncode != 0, "eth0 is gone")
            subprocess.run(["ip", "netns", "add", outer.name], check=True)
            left.plug()
            weft.wait_up("left")
            equal(left.ping(RIGHT, PINGS), PINGS, "echoes, after it is back")


def a_port_that_comes_later():
    """Without such a port in the file the rights to one are gone, and weftd says so and goes on; or they are kept."""
    left, right = left_and_right()
    with left, right:
        add = [f"port add {name} af-xdp interface={space.outside}" for name, space in (("left", left), ("right", right))]
        with Weftd(plugin() + ports("web-1")) as weft:
            reply = weft.request(add[0])
            equal(reply["ok"], False, "whether it is a port")
            equal(RIGHTS in reply["error"], True, reply["error"])
            # Nor can it enter a namespace, and it stays alive.
            reply = weft.request(f"{add[0]} netns={left.name}")
            equal((reply["ok"], "cannot enter /run/netns/" in reply.get("error", "")), (False, True), str(reply))
            equal([row["name"] for row in weft.ctl("show ports")], ["web-1"], "ports")
        with Weftd(plugin() + ports("web-1"), keys=RIGHTS) as weft:
            for command in add:
                weft.ctl(command)
            weft.wait_up("left", "right")
            equal(left.ping(RIGHT, PINGS), PINGS, "echoes")


def an_interface_with_more_queues_is_refused():
    left, _ = left_and_right()
    with left:
        _ip(None, "link", "delete", left.outside)
        subprocess.run(["ip", "link", "add", left.outside, "numrxqueues", "2", "numtxqueues", "2", "type", "veth", "peer",
                        "name", "eth0", "netns", left.name], check=True)
        left.ip("link", "set", "eth0", "up")
        _ip(None, "link", "set", left.outside, "up")
        with Weftd(plugin() + ports("web-1"), keys=RIGHTS) as weft:
            reply = weft.request(f"port add left af-xdp interface={left.outside}")
            equal((reply["ok"], "has 2 receive queues" in reply.get("error", "")), (False, True), str(reply))
            reply = weft.request(f"port add left af-xdp interface={left.outside} queues=2 mode=zero-copy")
            equal((reply["ok"], "cannot do without a copy" in reply.get("error", "")), (False, True), str(reply))
            # What was refused has left nothing that were in its way.
            weft.ctl(f"port add left af-xdp interface={left.outside} queues=2")
            weft.wait_up("left")
            equal(weft.ctl("show port left")["zero-copy"], False, "whether a veth goes without a copy")


def frames_that_are_too_long_are_told_of():
    """The mtu of a veth's both ends is larger than the port's: what weft sees it counts, of the rest `why` knows."""
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right)) as weft:
        weft.wait_up("left", "right")
        left.ip("link", "set", "eth0", "mtu", "3000")
        _ip(None, "link", "set", left.outside, "mtu", "3000")
        begin = bytes.fromhex(RIGHT_MAC.replace(":", "") + LEFT_MAC.replace(":", "") + streams.FRAME_TYPE)
        left.send([begin + bytes(1600)] * 3 + [begin + bytes(2500)] * 5 + [begin + bytes(100)])
        wait_equal(lambda: weft.port("left")["rx-packets"], 4, "frames that came in")
        wait_equal(weft.drops, {("right", "af-xdp-output", "too-long"): 3}, "frames that weft lost")
        equal(weft.ctl("show port left")["kernel-rx-dropped"], 5, "frames that the kernel lost")
        said = " ".join(row["finding"] for row in weft.ctl("why left"))
        equal("the kernel has dropped 5 frames that were longer" in said, True, said)
        # And an interface that takes less than its port gives.
        _ip(None, "link", "set", right.outside, "mtu", "1400")
        said = " ".join(row["finding"] for row in weft.ctl("why right"))
        equal("is 1400, and the port's is 1500" in said, True, said)


def a_worker_that_drives_the_queue_itself():
    left, right = left_and_right()
    with left, right, Weftd(pair(left, right, ', busy-poll = true, mode = "copy"')) as weft:
        weft.wait_up("left", "right")
        equal(left.ping(RIGHT, PINGS), PINGS, "echoes")
        streams.stream(right, left, LEFT, 1_000_000, seed=4)


def an_interface_that_is_taken_is_waited_for():
    """Of two weftds that want one interface the second waits until the first has gone."""
    left, right = left_and_right()
    with left, right:
        with Weftd(pair(left, right)) as first:
            first.wait_up("left", "right")
            second = Weftd(pair(left, right))
            with second:
                wait_for(lambda: second.port("left")["reason"].startswith("waits: "), "the second waits")
                equal(left.ping(RIGHT, PINGS), PINGS, "echoes by the first")
                first.stop()
                second.wait_up("left", "right")
                equal(left.ping(RIGHT, PINGS), PINGS, "echoes by the second")


if __name__ == "__main__":
    run(a_ping_and_streams_between_two_kernels, another_build, attached_as_the_port_says, frames_arrive_in_order_and_once,
        without_completing_a_container_has_to, a_vhost_container_in_the_same_bridge,
        a_weftd_that_is_killed_leaves_no_program, ports_come_and_go, an_interface_that_goes_comes_back,
        an_interface_in_another_namespace, a_port_that_comes_later, an_interface_with_more_queues_is_refused,
        frames_that_are_too_long_are_told_of, a_worker_that_drives_the_queue_itself,
        an_interface_that_is_taken_is_waited_for)
