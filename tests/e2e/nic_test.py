# SPDX-License-Identifier: Apache-2.0
"""Containers and NICs in one bridge: the kernel's own frames through the switch and back."""
import contextlib

from weft_e2e import (BROADCAST, Ledger, Namespace, Pair, Testpmd, Weftd, at_least, drain, equal, mac, ports,
                      run, static_ports, wait_equal, wait_for)

CONTAINERS = ("web-1", "web-2", "web-3", "web-4")
HOST_MAC = "02:00:00:00:01:01"
PINGS = 50


def nic(name, device, options=""):
    return f'[[port]]\nname = "{name}"\nbridge = "default"\ndpdk = {{ device = "{device}" }}\n{options}\n'


@contextlib.contextmanager
def containers(weft, modes):
    """{port: Testpmd}, one container for each mode, all of which send to everybody."""
    with contextlib.ExitStack() as stack:
        made = {name: stack.enter_context(Testpmd(weft.socket(name), mac=mac(number), mode=mode,
                                                  peer=BROADCAST))
                for number, (name, mode) in enumerate(zip(CONTAINERS, modes), 1)}
        weft.wait_up(*made)
        for container in made.values():
            container.start()
        yield made


def a_ping_crosses_the_switch():
    with Namespace("host", "10.99.0.1/24", HOST_MAC) as host, \
         Weftd(ports(*CONTAINERS) + nic("uplink", f"net_af_packet0,iface={host.outside}")) as weft, \
         containers(weft, ("rxonly", "rxonly", "rxonly", "icmpecho")) as peers:
        weft.wait_up("uplink")
        ledger = Ledger(weft, peers, nics=["uplink"])
        equal(host.ping("10.99.0.4", PINGS), PINGS, "echoes of the container")
        equal(mac(4) in host.ip("neighbour", "show", "10.99.0.4"), True, "what the kernel learned by ARP")
        equal(weft.addresses(), {HOST_MAC: "uplink", mac(4): "web-4"}, "learned addresses")
        drain(*peers.values())
        account = ledger.close()
        equal(account.drops, {}, "frames that weft lost")
        # ARP requests to all reach all; what follows is for the one container alone.
        asked = account.received["web-1"]
        at_least(asked, 1, "ARP requests")
        for name in CONTAINERS[1:3]:
            equal(account.received[name], asked, f"frames that {name} got: the ARP requests")
        at_least(account.received["web-4"], asked + PINGS, "ARP requests and pings")
        equal(account.sent["web-4"], account.received["web-4"], "replies, one for each frame")


def a_broadcast_reaches_every_other_port_once():
    with Namespace("host", mac=HOST_MAC) as host, \
         Weftd(ports(*CONTAINERS) + nic("uplink", f"net_af_packet0,iface={host.outside}")) as weft, \
         containers(weft, ["rxonly"] * 4) as peers:
        weft.wait_up("uplink")
        ledger, before = Ledger(weft, peers, nics=["uplink"]), host.received()
        peers["web-1"].stop()
        peers["web-1"].start(tx_first=3)
        host.send([bytes.fromhex("ffffffffffff" + HOST_MAC.replace(":", "") + "88b5") + bytes(50)] * 7)
        wait_equal(lambda: weft.port("uplink")["rx-packets"], 7, "the NIC's broadcasts")
        account = ledger.close()
        equal(account.sent, {"web-1": 96, "web-2": 0, "web-3": 0, "web-4": 0}, "frames sent")
        equal(account.received, {"web-1": 7, "web-2": 103, "web-3": 103, "web-4": 103}, "frames received")
        wait_equal(lambda: host.received() - before, 96, "broadcasts at the kernel's end of the NIC")
        equal(weft.addresses(), {HOST_MAC: "uplink", mac(1): "web-1"}, "learned addresses")


def a_tap_is_a_port():
    """weftd lives in a namespace, for a TAP appears where it is made."""
    with Namespace("switch", alone=True) as inside, \
         Namespace("host", "10.99.0.1/24", HOST_MAC, beside=inside) as host, \
         Weftd(ports("web-1", "web-2") + nic("tap", "net_tap0,iface=tap0")
               + nic("uplink", f"net_af_packet0,iface={host.outside}"), prefix=inside.prefix) as weft, \
         containers(weft, ("rxonly", "icmpecho")) as peers:
        weft.wait_up("tap", "uplink")
        inside.ip("address", "add", "10.99.0.2/24", "dev", "tap0")
        tap_mac = inside.ip("link", "show", "tap0").split("link/ether ")[1].split()[0]
        equal(inside.ping("10.99.0.9", PINGS), PINGS, "echoes of the container to the TAP")
        # Kernel to kernel: neither end answers for the container, which answers every ARP request.
        peers["web-2"].stop()
        inside.ip("neighbour", "flush", "all")
        equal(host.ping("10.99.0.2", PINGS), PINGS, "echoes of the TAP to the NIC")
        found = weft.addresses()
        for address, port in ((tap_mac, "tap"), (HOST_MAC, "uplink"), (mac(2), "web-2")):
            equal(found.get(address), port, f"the port of {address}")


def a_device_that_goes_comes_back():
    """The veth pair is deleted and made again under traffic, twice; two containers beside it lose nothing."""
    bridges = "".join(f'[[bridge]]\nname = "{name}"\n' for name in ("default", "beside"))
    pair_ports = ports("one", "two").replace('bridge = "default"', 'bridge = "beside"')
    with Namespace("host", "10.99.0.1/24", HOST_MAC) as host, \
         Weftd(bridges + static_ports("web-1", "web-2") + pair_ports
               + nic("uplink", f"net_af_packet0,iface={host.outside}", f'mac = "{HOST_MAC}"')) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), mode="icmpecho") as echo, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="txonly", peer=HOST_MAC) as sender, \
         Pair(weft, names=("one", "two"), numbers=(11, 12)) as pair:
        weft.wait_up("uplink", "web-1", "web-2")
        sender.forward("rxonly")
        for container in (echo, sender):
            container.start()
        pair.start()
        fds, files = weft.fds(), weft.memory_files()
        # Until it goes every frame is accounted for, at the kernel's end too.
        ledger, heard = Ledger(weft, {"web-1": echo, "web-2": sender}, nics=["uplink"]), host.received()
        sent = weft.port("uplink")["tx-packets"]
        equal(host.ping("10.99.0.4", PINGS), PINGS, "echoes of the container")
        equal(ledger.close().drops, {}, "frames that weft lost")
        equal(host.received() - heard, weft.port("uplink")["tx-packets"] - sent, "frames out of the NIC")
        ledger = Ledger(weft, {"web-1": echo, "web-2": sender}, nics=["uplink"])
        wait_equal(weft.fds, fds, "descriptors of weftd")
        sender.stop()
        sender.forward("txonly")
        sender.start()
        for _ in range(2):
            before = weft.port("uplink")["tx-packets"]
            wait_for(lambda: weft.port("uplink")["tx-packets"] > before, "frames out of the NIC")
            host.unplug()
            wait_for(lambda: weft.port("uplink")["reason"].startswith("waits: "), "the port waits")
            lost = weft.drops().get(("uplink", "nic-output", "port-down"), 0)
            wait_for(lambda: weft.drops().get(("uplink", "nic-output", "port-down"), 0) > lost,
                     "frames to a port that waits are dropped")
            # It says so once the device is closed, for until then its name is taken.
            wait_for(lambda: "there is no network interface" in weft.port("uplink")["reason"], "it is closed")
            host.plug()
            weft.wait_up("uplink")
            equal(host.ping("10.99.0.4", PINGS), PINGS, "echoes of the container, after it is back")
            wait_equal(weft.fds, fds, "descriptors of weftd")
            equal(weft.memory_files(), files, "mappings of weftd")
        drain(sender, echo)
        account = ledger.close()
        equal({(port, node) for port, node, _ in account.drops}, {("uplink", "nic-output")}, "who lost frames")
        at_least(account.drops["uplink", "nic-output", "port-down"], 1, "frames to the port that waited")
        pair.finish()


if __name__ == "__main__":
    run(a_ping_crosses_the_switch, a_broadcast_reaches_every_other_port_once, a_tap_is_a_port,
        a_device_that_goes_comes_back)
