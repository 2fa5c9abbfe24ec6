# SPDX-License-Identifier: Apache-2.0
"""Copies of what containers send, for another container and for a file: originals lose nothing, and each copy is
delivered, written, or counted as lost."""
from scapy.utils import RawPcapNgReader

from weft_e2e import Pair, Testpmd, Weftd, at_least, equal, mac, run, static_ports, wait_equal, wait_for

LOAD = '[plugins]\nload = ["mirror"]\n[[bridge]]\nname = "default"\n[[bridge]]\nname = "monitoring"\n'
PROBE = '[[port]]\nname = "probe"\nbridge = "monitoring"\nvhost = {}\n'


def mirrors(weft):
    return {(row["port"], row["mirror"]): row for row in weft.ctl("show mirror")}


def counted(weft, node, counter):
    return sum(row["count"] for row in weft.ctl("show counters") if (row["node"], row["counter"]) == (node, counter))


def packets_in(path):
    reader = RawPcapNgReader(str(path))
    try:
        return sum(1 for _ in reader)
    finally:
        reader.close()


def to_a_port_both_ways():
    with Weftd(LOAD + static_ports("web-1", "web-2") + PROBE) as weft, Pair(weft) as pair:
        for node in ("ingress-mirror", "egress-mirror"):
            weft.ctl(f"port feature set web-1 {node} to=probe")
        equal({row["state"] for row in mirrors(weft).values()}, {'port "probe" is down'}, "why copies are lost")
        with Testpmd(weft.socket("probe"), mac=mac(9), mode="rxonly", ring=1024, mbufs=8192) as probe:
            weft.wait_up("probe")
            probe.start()
            pair.start()
            pair.wait_frames(5000)
            account = pair.finish()  # not one original is lost
            rows = mirrors(weft)
            for node, packets in (("ingress-mirror", account.sent["web-1"]), ("egress-mirror", account.received["web-1"])):
                row = rows["web-1", node]
                equal(row["mirrored"] + row["lost"], packets, f"packets that {node} met")
                equal(row["state"], "running", node)
            delivered = weft.port("probe")["tx-packets"]
            drops = {key: packets for key, packets in weft.drops().items() if key[0] == "probe"}
            lost = sum(packets for (_, node, _), packets in drops.items() if node.endswith("-mirror"))
            equal(lost, sum(row["lost"] for row in rows.values()), "copies that found no room")
            equal(delivered + sum(drops.values()), sum(account.sent.values()), "copies, delivered and lost")
            wait_equal(lambda: probe.stats()["rx-packets"], delivered, "copies that the probe got")
            if delivered == 0:
                raise AssertionError("the probe got nothing")
        # Nobody is there: originals do not notice.
        before = sum(row["lost"] for row in mirrors(weft).values())
        pair.start()
        pair.wait_frames(1000)
        account = pair.finish()
        equal(sum(row["lost"] for row in mirrors(weft).values()) - before, sum(account.sent.values()), "lost copies")


def to_a_file():
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft, Pair(weft) as pair:
        sampled, full = weft.scratch / "sampled.pcapng", weft.scratch / "full.pcapng"
        weft.ctl(f"port feature set web-1 ingress-mirror file={sampled} sample=100")
        weft.ctl(f"port feature set web-2 egress-mirror file={full} max-size=1")
        pair.start()
        wait_for(lambda: "max-size" in mirrors(weft)["web-2", "egress-mirror"]["state"], "a file that is full")
        account = pair.finish()
        row = mirrors(weft)["web-1", "ingress-mirror"]
        equal(row["mirrored"] + row["lost"], account.sent["web-1"] // 100, "one in a hundred")
        wait_equal(lambda: packets_in(sampled), row["mirrored"], "packets in the file")
        row = mirrors(weft)["web-2", "egress-mirror"]
        equal(row["mirrored"] + row["lost"], account.received["web-2"], "packets that met the mirror")
        wait_equal(lambda: packets_in(full), row["mirrored"], "packets in the full file")
        if not 900 << 10 < full.stat().st_size <= 1 << 20:
            raise AssertionError(f"a file of at most 1 MiB has {full.stat().st_size} bytes")
        equal((sampled.stat().st_mode & 0o777, full.stat().st_mode & 0o777), (0o600, 0o600), "who may read them")


def another_build():
    """plugin replace while packets flow: originals lose nothing, counts go on, and the file has what all builds copied."""
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft, Pair(weft) as pair:
        file = weft.scratch / "all.pcapng"
        weft.ctl(f"port feature set web-1 ingress-mirror file={file} sample=10")
        pair.start()
        for _ in range(5):
            pair.wait_frames(1000)
            before = mirrors(weft)["web-1", "ingress-mirror"]["mirrored"]
            weft.ctl("plugin replace mirror")
            at_least(mirrors(weft)["web-1", "ingress-mirror"]["mirrored"], before, "packets mirrored, after a replace")
        pair.wait_frames(1000)
        pair.finish()  # not one original is lost
        wait_equal(lambda: mirrors(weft)["web-1", "ingress-mirror"]["state"], "running", "the mirror's state")
        copied = counted(weft, "ingress-mirror", "mirrored")
        at_least(copied, mirrors(weft)["web-1", "ingress-mirror"]["mirrored"], "packets that all builds have copied")
        wait_equal(lambda: packets_in(file), copied, "packets in the file")


def settings_that_are_wrong():
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft:
        for words, answer in (("", "a mirror needs a port"), ("to=web-9", 'there is no port "web-9"'),
                              ("to=web-1", "copies of its own"), ("file=x", "no whole path"),
                              ("file=/nonexistent/x", "No such file"), ("file=/dev/null", "no regular file")):
            reply = weft.request(f"port feature set web-1 ingress-mirror {words}")
            equal((reply["ok"], answer in reply.get("error", "")), (False, True), f"{words}: {reply}")
            equal(weft.ctl("show mirror"), [], f"mirrors after {words}")
        reply = weft.request("port add web-3 vhost ingress-mirror.to=web-9")
        equal((reply["ok"], 'there is no port "web-9"' in reply.get("error", "")), (False, True), f"{reply}")
        equal([row["name"] for row in weft.ctl("show ports")], ["web-1", "web-2"], "ports after that")
        weft.ctl("port add web-3 vhost ingress-mirror.to=web-1")
        equal(mirrors(weft)["web-3", "ingress-mirror"]["state"], 'port "web-1" is down', "the mirror of a port that was added")
        weft.ctl("port delete web-3")
        equal(weft.ctl("show mirror"), [], "mirrors of a port that has gone")
        weft.ctl("port feature set web-1 ingress-mirror to=web-2")
        weft.ctl("port delete web-2")
        equal(mirrors(weft)["web-1", "ingress-mirror"]["state"], 'there is no port "web-2"', "a port that has gone")
        weft.ctl("port feature delete web-1 ingress-mirror")


if __name__ == "__main__":
    run(to_a_port_both_ways, to_a_file, another_build, settings_that_are_wrong)
