# SPDX-License-Identifier: Apache-2.0
"""Containers that send more than they may: what passed and what was dropped is all that they sent, and no more
passed than the bucket had. Two workers poll the queues of one port and share its rate."""
import os
import time

from weft_e2e import Ledger, Testpmd, Weftd, at_least, drain, equal, mac, run, skip, static_ports, wait_equal, wait_for

LOAD = '[plugins]\nload = ["policer"]\n'


def policed(weft, port, node):
    """(conform, exceed) of a port and direction."""
    row, = [row for row in weft.ctl("show policer") if (row["port"], row["policer"]) == (port, node)]
    return row["conform"], row["exceed"]


def flood(weft, queues, node, rate, burst, dropped=20_000):
    """web-1 sends far more than `rate` to web-2; both sides' counts and the bucket's must agree."""
    limited = "web-1" if node == "ingress-policer" else "web-2"
    with Testpmd(weft.socket("web-1"), mac=mac(1), peer=mac(2), mode="txonly", queues=queues, mbufs=8192) as sender, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly", queues=queues, mbufs=8192) as receiver:
        weft.wait_up("web-1", "web-2")
        receiver.start()
        ledger = Ledger(weft, {"web-1": sender, "web-2": receiver})
        begin = time.monotonic()
        weft.ctl(f"port feature set {limited} {node} rate={rate}pps burst={burst}")
        sender.start()
        wait_for(lambda: policed(weft, limited, node)[1] > dropped, "packets beyond the rate")
        drain(sender)
        account = ledger.close()
        longest = time.monotonic() - begin
    conform, exceed = policed(weft, limited, node)
    equal(conform + exceed, account.sent["web-1"], "packets that met the policer, and that were sent")
    equal(account.lost(limited).get("exceeded"), exceed, "drops and what show policer says")
    if conform > burst + rate * longest:
        raise AssertionError(f"{conform} packets passed in {longest:.3f} s, of {rate} a second and a burst of {burst}")
    if conform < burst:
        raise AssertionError(f"{conform} packets passed, fewer than the burst of {burst}")
    equal(sum(account.received.values()) + sum(account.drops.values()), account.sent["web-1"],
          "packets received and dropped, and sent")
    weft.ctl(f"port feature delete {limited} {node}")
    equal(weft.ctl("show policer"), [], "ports with a rate")


def what_a_container_sends_and_is_sent():
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft:
        flood(weft, 1, "ingress-policer", rate=1000, burst=100)
        flood(weft, 1, "egress-policer", rate=2000, burst=64)


def two_workers_share_a_rate():
    if len(os.sched_getaffinity(0)) < 2:
        skip("two workers need two cores")
    cores = sorted(os.sched_getaffinity(0))[:2]
    ports = static_ports("web-1", "web-2").replace('listen = "weft"', 'listen = "weft", queues = 2')
    config = LOAD + f"[workers]\ncores = {cores}\n" + ports
    equal(config.count("queues = 2"), 2, "ports with two queues")
    with Weftd(config) as weft:
        flood(weft, 2, "ingress-policer", rate=1000, burst=100)
        flood(weft, 2, "egress-policer", rate=1000, burst=100)
        busy = {row["worker"]: row["packets"] for row in weft.ctl("show runtime") if row["node"] == "ingress-policer"}
        equal(sorted(worker for worker, packets in busy.items() if packets > 0), [0, 1], "workers that policed")


def another_build():
    """plugin replace under a flood: a bucket that is empty stays empty, and each packet is counted by some build."""
    rate, burst, replaces = 10, 5000, 5
    with Weftd(LOAD.replace('"policer"', '"policer", "packet-generator"') + static_ports("web-1", "web-2")) as weft:
        begin = time.monotonic()
        weft.ctl(f"port feature set web-1 ingress-policer rate={rate}pps burst={burst}")
        weft.ctl(f"packet-generator add much web-1 rate=200kpps source-mac={mac(1)} destination-mac={mac(2)}")
        for _ in range(replaces):
            before = policed(weft, "web-1", "ingress-policer")
            wait_for(lambda: policed(weft, "web-1", "ingress-policer")[1] > before[1] + 10_000, "packets beyond the rate")
            before = policed(weft, "web-1", "ingress-policer")
            weft.ctl("plugin replace policer")
            after = policed(weft, "web-1", "ingress-policer")
            at_least(after[0], before[0], "packets that conform, after a replace")
            at_least(after[1], before[1], "packets that exceed, after a replace")
        weft.ctl("packet-generator stop much")
        longest = time.monotonic() - begin

        def conform():
            row, = weft.ctl("show packet-generator")
            return row["made"] - weft.drops()["web-1", "ingress-policer", "exceeded"]
        # Nobody is attached: what the policer let by is dropped behind it, all of it.
        wait_equal(lambda: weft.drops()["web-2", "vhost-output", "port-down"], conform(), "packets that passed")
        at_least(conform(), burst, "packets that passed")
        at_least(burst + rate * longest + replaces, conform(), "packets that may have passed")


def settings_that_are_wrong():
    with Weftd(LOAD + static_ports("web-1")) as weft:
        for words, answer in (("rate=10", "is no rate"), ("rate=1Mbit/s burst=1000", "would never pass"), ("", "rate")):
            reply = weft.request(f"port feature set web-1 ingress-policer {words}")
            equal((reply["ok"], answer in reply.get("error", "")), (False, True), f"{words}: {reply}")
            equal(weft.ctl("show policer"), [], f"ports with a rate after {words}")


if __name__ == "__main__":
    run(what_a_container_sends_and_is_sent, two_workers_share_a_rate, another_build, settings_that_are_wrong)
