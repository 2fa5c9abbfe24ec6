# SPDX-License-Identifier: Apache-2.0
"""Containers and NICs in one bridge: the kernel's own frames through the switch and back."""
import contextlib

from weft_e2e import (BROADCAST, Ledger, Namespace, Testpmd, Weftd, at_least, drain, equal, mac, ports, run,
                      wait_equal)

CONTAINERS = ("web-1", "web-2", "web-3", "web-4")
HOST_MAC = "02:00:00:00:01:01"
PINGS = 50


def nic(name, device):
    return f'[[port]]\nname = "{name}"\nbridge = "default"\ndpdk = {{ device = "{device}" }}\n'


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


if __name__ == "__main__":
    run(a_ping_crosses_the_switch, a_broadcast_reaches_every_other_port_once, a_tap_is_a_port)
