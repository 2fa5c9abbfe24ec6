# SPDX-License-Identifier: Apache-2.0
"""A container dies in mid-burst, again and again: nobody else notices, and nothing of it stays."""
from weft_e2e import (Pair, Testpmd, Weftd, at_least, equal, mac, ports, run, static_ports, wait_equal,
                      wait_for)

KILLS = 20


def what_stays(weft):
    """Descriptors, mappings of memory that somebody shares, and addresses."""
    return {"fds": weft.fds(), "memory": weft.memory_files(), "addresses": weft.addresses()}


def killed_in_mid_burst():
    config = static_ports("web-1", "web-2", "sink") + ports("victim")
    with Weftd(config) as weft, Pair(weft) as pair, \
         Testpmd(weft.socket("sink"), mac=mac(3), mode="rxonly") as sink:
        weft.wait_up("sink")
        sink.start()
        pair.start()
        baseline = what_stays(weft)
        with Testpmd(weft.socket("victim"), mac=mac(4), mode="txonly", peer=mac(3)) as victim:
            for turn in range(1, KILLS + 1):
                before = weft.port("victim")["rx-packets"], weft.port("sink")["tx-packets"]
                victim.start()
                wait_for(lambda: weft.port("victim")["rx-packets"] > before[0] + 1000
                         and weft.port("sink")["tx-packets"] > before[1], f"frames of life {turn}")
                equal(weft.addresses().get(mac(4)), "victim", "the living container's address")
                at_least(weft.memory_files(), baseline["memory"] + 1, "mappings while it lives")
                victim.kill()
                wait_equal(lambda: weft.port("victim")["state"], "down", f"the port after death {turn}")
                wait_equal(lambda: what_stays(weft), baseline, f"what is left after death {turn}")
                pair.wait_frames()
                victim.start_process()
            victim.ready()
            weft.wait_up("victim")
            equal(weft.ctl("show port victim")["connections"], KILLS + 1, "connections")
        pair.finish()
        equal({port for port, _, _ in weft.drops()} - {"sink"}, set(), "ports with drops besides the sink")


if __name__ == "__main__":
    run(killed_in_mid_burst)
