# SPDX-License-Identifier: Apache-2.0
"""Two containers on startup.conf as it is: frames both ways, and what the shell says about them."""
import os
import re

from weft_e2e import (ROOT, RING, Ledger, Pair, Testpmd, Weftd, at_least, drain, equal, mac, run,
                      static_ports, wait_for)

SMALL = (ROOT / "startup.conf").read_text()


def frames_both_ways():
    with Weftd(SMALL) as weft, Pair(weft) as pair:
        pair.start()
        pair.wait_frames(10_000)
        account = pair.finish()
        equal(weft.addresses(), {mac(1): "web-1", mac(2): "web-2"}, "learned addresses")
        for name in pair.names:
            row = weft.port(name)
            equal((row["rx-packets"], row["tx-packets"]), (account.sent[name], account.received[name]),
                  f"packets of {name}")
            equal(row["rx-bytes"], 64 * row["rx-packets"], f"bytes of {name}")


def the_shell_tells_the_way():
    with Weftd(SMALL) as weft, Pair(weft) as pair:
        # Before anybody has spoken an address is unknown: the first frame is flooded.
        weft.ctl("trace add vhost-input 1")
        pair.start()
        pair.wait_frames()
        weft.ctl("trace add vhost-input 3")
        pair.wait_frames()
        paths = [[step["node"] for step in steps] for steps in weft.ctl("show trace").values()]
        equal(paths, [["vhost-input", "l2-switch", "flood", "vhost-output"]]
              + 3 * [["vhost-input", "l2-switch", "vhost-output"]], "nodes on the way")
        last = list(weft.ctl("show trace").values())[-1]
        equal(last[-1]["verdict"], "sent", "the last verdict")
        text = weft.weftctl("show", "trace").stdout
        for word in (mac(1), mac(2), "web-1", "web-2", "source-port"):
            at_least(text.count(word), 1, f'"{word}" in show trace')
        weft.ctl("trace clear")
        equal("no traces" in weft.ctl("show trace"), True, "traces after trace clear")
        pair.finish()

        runtime = {row["node"]: row for row in weft.ctl("show runtime")}
        taken = sum(weft.port(name)["rx-packets"] for name in pair.names)
        for node in ("vhost-input", "l2-switch", "vhost-output"):
            equal(runtime[node]["packets"], taken, f"packets of {node}")
            at_least(runtime[node]["packets"], runtime[node]["calls"], f"packets and calls of {node}")
        equal(weft.ctl("show drops"), [], "drops")
        equal(weft.weftctl("show", "drops").stdout, "no drops\n", "show drops as text")
        dot = weft.ctl("show graph dot")
        arrows = re.findall(r'"([\w-]+)" -> "([\w-]+)"', dot)
        for arrow in (("vhost-input", "l2-switch"), ("l2-switch", "flood"), ("l2-switch", "vhost-output"),
                      ("flood", "vhost-output")):
            equal(arrows.count(arrow), 1, f"arrows {arrow} in the graph")
        equal(dot.count("{"), dot.count("}"), "braces of the graph")
        wrong = weft.weftctl("show", "dropz")
        equal((wrong.returncode, wrong.stdout), (1, ""), "a command that is not there")
        equal("drops" in wrong.stderr, True, "a suggestion")


def several_queues(queues, server):
    """Containers with several queue pairs on two workers."""
    config = static_ports("web-1", "web-2").replace(
        'listen = "weft"', f'listen = "{"container" if server else "weft"}", queues = {queues}')
    cores = sorted(os.sched_getaffinity(0))[:2]
    with Weftd(f"[workers]\ncores = {cores}\n{config}") as weft, \
         Pair(weft, queues=queues, server=server) as pair:
        pair.start()
        pair.wait_frames(10_000)
        for name in pair.names:
            port = weft.ctl(f"show port {name}")
            equal((port["queues"], port["queues-running"]), (queues, queues), f"queues of {name}")
            equal(sorted(set(port["workers"].split(", "))), [str(i) for i in range(len(cores))],
                  f"workers of {name}")
            equal("mq" in port["negotiated"].split(", "), True, f"mq negotiated by {name}")
        pair.finish()


def two_queues_and_weft_listens():
    several_queues(2, server=False)


def two_queues_and_the_container_listens():
    several_queues(2, server=True)


def charged_with_ring_full(halt, resume):
    """Floods a receiver that stands still; its full ring is its own loss."""
    with Weftd(static_ports("web-1", "web-2", "web-3", "web-4")) as weft, \
         Pair(weft) as pair, \
         Testpmd(weft.socket("web-3"), mac=mac(3), mode="rxonly") as receiver, \
         Testpmd(weft.socket("web-4"), mac=mac(4), peer=mac(3), mode="txonly") as sender:
        weft.wait_up("web-3", "web-4")
        everybody = Ledger(weft, {**pair.containers, "web-3": receiver, "web-4": sender})
        receiver.start()
        pair.start()
        pair.wait_frames()
        halt(receiver)
        sender.start()
        wait_for(lambda: weft.drops().get(("web-3", "vhost-output", "ring-full"), 0) > 10 * RING,
                 "drops of a receiver that stands still")
        pair.wait_frames()
        resume(receiver)
        sender.stop()
        drain(*pair.containers.values(), receiver)
        account = everybody.close()
        equal(set(account.drops), {("web-3", "vhost-output", "ring-full")}, "who lost frames, and why")
        at_least(account.received["web-3"], 1, "frames that the receiver got")


def a_stopped_process_is_charged_with_ring_full():
    charged_with_ring_full(Testpmd.pause, Testpmd.resume)


def a_receiver_that_does_not_poll_is_charged_with_ring_full():
    charged_with_ring_full(Testpmd.stop, Testpmd.start)


if __name__ == "__main__":
    run(frames_both_ways, the_shell_tells_the_way, two_queues_and_weft_listens,
        two_queues_and_the_container_listens, a_stopped_process_is_charged_with_ring_full,
        a_receiver_that_does_not_poll_is_charged_with_ring_full)
