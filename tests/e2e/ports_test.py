# SPDX-License-Identifier: Apache-2.0
"""What a port may do: it comes and goes at run time, and speaks only with addresses of its own."""
from weft_e2e import (BUILD, Ledger, Namespace, Pair, Testpmd, Weftd, drain, equal, mac, ports, run,
                      static_ports, wait_equal, wait_for)


def added_and_deleted_under_traffic():
    bridges = '[[bridge]]\nname = "default"\n[[bridge]]\nname = "other"\n'
    with Weftd(bridges + static_ports("web-1", "web-2")) as weft, Pair(weft) as pair:
        pair.start()
        baseline = weft.fds(), weft.memory_files()
        for turn in range(5):
            weft.ctl("port add sink vhost bridge=other mac=02:00:00:00:00:03")
            weft.ctl("port add source vhost bridge=other mac-limit=1 mtu=1500")
            equal([row["ports"] for row in weft.ctl("show bridges")], ["web-1, web-2", "sink, source"],
                  "ports of the bridges")
            with Testpmd(weft.socket("sink"), mac=mac(3), mode="rxonly") as sink, \
                 Testpmd(weft.socket("source"), mac=mac(4), peer=mac(3), mode="txonly") as source:
                weft.wait_up("sink", "source")
                equal(weft.port("source")["rx-packets"], 0, "counts of a new port, which are its own")
                sink.start()
                source.start()
                wait_for(lambda: sink.stats()["rx-packets"] > 1000, "frames between the new ports")
                pair.wait_frames()
                # While frames are under way to the one and from the other, which then floods its bridge.
                weft.ctl("port delete sink")
                pair.wait_frames()
                weft.ctl("port delete source")
            equal([row["name"] for row in weft.ctl("show ports")], ["web-1", "web-2"], "ports that stay")
            equal(sorted(weft.addresses()), [mac(1), mac(2)], "addresses that stay")
            equal([weft.socket(name).exists() for name in ("sink", "source")], [False, False],
                  "their sockets are there")
            wait_equal(lambda: (weft.fds(), weft.memory_files()), baseline, f"what stays after turn {turn}")
        for command, answer in (("port add web-1 vhost", "web-1"), ("port delete web-9", "web-9"),
                                ("port add web-3 vhost bridge=defualt", 'did you mean "default"?'),
                                ("port add web-3 vhost sokcet=/tmp/x", 'did you mean "socket"?')):
            reply = weft.request(command)
            equal((reply["ok"], answer in reply.get("error", "")), (False, True), f'"{command}": {reply}')
        pair.finish()


def a_guarded_port():
    config = (f'[plugins]\nload = ["mac-guard"]\n'
              + ports("web-1", options=f'mac-guard = {{ allow = "{mac(1)}" }}') + ports("web-2"))
    with Weftd(config) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), peer=mac(2), mode="rxonly") as guarded, \
         Testpmd(weft.socket("web-2"), mac=mac(2), peer=mac(1), mode="rxonly") as other:
        weft.wait_up("web-1", "web-2")
        ledger = Ledger(weft, {"web-1": guarded, "web-2": other})
        other.start(tx_first=3)
        guarded.start(tx_first=3)  # with its own address
        wait_equal(lambda: other.stats()["rx-packets"], 96, "frames with the port's own address")
        guarded.stop()
        guarded.forward("flowgen")  # whose frames have a source of its own choice
        weft.ctl("trace add vhost-input 1")
        guarded.start()
        wait_for(lambda: weft.drops().get(("web-1", "mac-guard", "spoofed"), 0) > 1000, "spoofed frames")
        drain(guarded)
        account = ledger.close()
        equal((account.received["web-1"], account.received["web-2"]), (96, 96), "frames received")
        equal(account.drops, {("web-1", "mac-guard", "spoofed"): account.sent["web-1"] - 96}, "drops")
        equal(weft.addresses(), {mac(1): "web-1", mac(2): "web-2"}, "addresses, none of them spoofed")

        steps = [(step["node"], step["verdict"]) for step in list(weft.ctl("show trace").values())[0]]
        equal(steps[-1], ("mac-guard", "drop: spoofed"), f"the end of {steps}")
        equal("source MAC is not the port's own" in weft.weftctl("show", "drops").stdout, True, "the help")
        equal('"mac-guard" -> "l2-switch"' in weft.ctl("show graph dot"), True, "mac-guard in the graph")
        runtime = {row["node"]: row["packets"] for row in weft.ctl("show runtime")}
        equal(runtime["mac-guard"], account.sent["web-1"], "packets of mac-guard: those of the guarded port")
        plugin, = weft.ctl("show plugins")
        equal((plugin["name"], plugin["nodes"], plugin["path"]),
              ("mac-guard", "mac-guard", str(BUILD.resolve() / "plugins" / "mac-guard.so")), "the plugin")
        equal(weft.ctl("show port web-1")["features"], "mac-guard", "features of the guarded port")
        equal(weft.ctl("show port web-2")["features"], "none", "features of the other port")


def an_address_is_static_and_exclusive():
    with Weftd(static_ports("web-1") + ports("web-2", "web-3")) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), peer=mac(3), mode="rxonly") as owner, \
         Testpmd(weft.socket("web-2"), mac=mac(1), peer=mac(3), mode="rxonly") as thief, \
         Testpmd(weft.socket("web-3"), mac=mac(3), peer=mac(1), mode="rxonly") as friend:
        weft.wait_up("web-1", "web-2", "web-3")
        ledger = Ledger(weft, {"web-1": owner, "web-2": thief, "web-3": friend})
        friend.start(tx_first=1)  # to an address that has never spoken, and is known all the same
        thief.start(tx_first=2)
        wait_for(lambda: weft.drops(), "the thief's drops")
        owner.start(tx_first=4)
        owner.stop()
        owner.forward("flowgen")  # an address that is not the port's: with `mac` none is learned
        owner.start()
        wait_for(lambda: weft.drops().get(("web-1", "l2-switch", "mac-limit"), 0) > 1000, "drops")
        drain(owner)
        account = ledger.close()
        equal(account.received, {"web-1": 32, "web-2": 0, "web-3": 128}, "frames received")
        equal(account.drops, {("web-2", "l2-switch", "stolen-source"): 64,
                              ("web-1", "l2-switch", "mac-limit"): account.sent["web-1"] - 128}, "drops")
        equal(weft.addresses(), {mac(1): "web-1", mac(3): "web-3"}, "addresses")


def as_many_addresses_as_the_limit():
    """A host behind a NIC shows six addresses where three are allowed; those that are known stay."""
    with Namespace("host") as host, \
         Weftd(ports("web-1") + f'[[port]]\nname = "uplink"\nbridge = "default"\nmac-limit = 3\n'
               f'dpdk = {{ device = "net_af_packet0,iface={host.outside}" }}\n') as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), mode="rxonly") as container:
        weft.wait_up("web-1", "uplink")
        container.start()
        ledger = Ledger(weft, {"web-1": container}, nics=["uplink"])
        sources = [f"0200000001{number:02x}" for number in range(6)]
        host.send([bytes.fromhex(f"{destination}{source}88b5") + bytes(50)
                   for destination in ("ffffffffffff", mac(1).replace(":", "")) for source in sources])
        wait_equal(lambda: weft.port("uplink")["rx-packets"], 12, "frames from the NIC")
        account = ledger.close()
        equal(account.received["web-1"], 6, "frames from the three addresses that came first")
        equal(account.drops, {("uplink", "l2-switch", "mac-limit"): 6}, "drops")
        learned = [address.replace(":", "") for address in weft.addresses()]
        equal(sorted(learned), sources[:3], "addresses")


if __name__ == "__main__":
    run(added_and_deleted_under_traffic, a_guarded_port, an_address_is_static_and_exclusive,
        as_many_addresses_as_the_limit)
