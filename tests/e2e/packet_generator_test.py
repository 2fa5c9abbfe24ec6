# SPDX-License-Identifier: Apache-2.0
"""Packets that weftd makes itself, for a container and through other plugins: each of them is delivered or dropped
for a reason, and they are what was asked for, as scapy reads them."""
import collections

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgReader, wrpcap

from weft_e2e import Testpmd, Weftd, at_least, equal, mac, ports, run, static_ports, wait_equal, wait_for

LOAD = '[plugins]\nload = ["packet-generator", "policer", "mirror"]\n'


def stream(weft, name):
    return {row["stream"]: row for row in weft.ctl("show packet-generator")}[name]


def wait_done(weft, name):
    wait_equal(lambda: stream(weft, name)["state"], "done", f"the state of {name}")


def frames_of(path):
    reader = PcapNgReader(str(path))
    try:
        return [Ether(bytes(packet)) for packet in reader]
    finally:
        reader.close()


def to_a_container_by_way_of_the_switch():
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly", ring=1024, mbufs=8192) as receiver:
        weft.wait_up("web-2")
        receiver.start()
        for name, rate, count in (("paced", "20kpps", 4000), ("fast", "max", 100_000)):
            before, lost = weft.port("web-2")["tx-packets"], sum(weft.drops().values())
            weft.ctl(f"packet-generator add {name} web-1 rate={rate} count={count} size=60-1514 "
                     f"source-mac={mac(1)} destination-mac={mac(2)}")
            wait_done(weft, name)
            equal(stream(weft, name)["made"], count, f"packets of {name}")
            equal(weft.port("web-2")["tx-packets"] - before + sum(weft.drops().values()) - lost, count,
                  f"packets of {name}, delivered and dropped: {weft.drops()}")
            weft.ctl(f"packet-generator delete {name}")
        wait_equal(lambda: receiver.stats()["rx-packets"], weft.port("web-2")["tx-packets"], "packets received")
        equal(weft.addresses()[mac(1)], "web-1", "whose address it is")


def what_was_asked_for():
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft:
        file = weft.scratch / "made.pcapng"
        weft.ctl(f"port feature set web-2 egress-mirror file={file}")
        weft.ctl(f"packet-generator add crowd web-1 rate=10kpps count=240 size=imix source-mac={mac(1)} "
                 f"destination-mac={mac(2)} vary=source-ip,destination-port values=100 destination-port=1000")
        wait_done(weft, "crowd")
        wait_equal(lambda: len(frames_of(file)), 240, "frames in the file")
        frames = frames_of(file)
        equal(collections.Counter(len(frame) for frame in frames), {60: 140, 590: 80, 1514: 20}, "sizes")
        for number, frame in enumerate(frames):
            equal((frame.src, frame.dst, frame[IP].src, frame[IP].dst, frame[UDP].sport, frame[UDP].dport),
                  (mac(1), mac(2), f"198.18.0.{1 + number % 100}", "198.19.0.1", 49152, 1000 + number % 100),
                  f"frame {number}")
            equal((frame[IP].len, frame[UDP].len), (len(frame) - 14, len(frame) - 34), f"lengths of frame {number}")
            checksum = frame[IP].chksum
            del frame[IP].chksum
            equal(Ether(bytes(frame))[IP].chksum, checksum, f"checksum of frame {number}")


def a_file_again():
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft:
        recorded, played = weft.scratch / "recorded.pcap", weft.scratch / "played.pcapng"
        frames = [Ether(src=mac(1), dst=mac(2)) / IP(dst="10.0.0.1") / UDP(dport=number) / bytes(number * 20)
                  for number in range(1, 60)]
        for number, frame in enumerate(frames):
            frame.time = 1000 + number / 1000
        wrpcap(str(recorded), frames)
        weft.ctl(f"port feature set web-2 egress-mirror file={played}")
        for name, rate, into in (("timed", "file", "ingress"), ("paced", "5kpps", "egress")):
            port = "web-1" if into == "ingress" else "web-2"
            weft.ctl(f"packet-generator add {name} {port} file={recorded} rate={rate} into={into}")
            wait_done(weft, name)
        expected = [bytes(frame) for frame in frames]
        wait_equal(lambda: len(frames_of(played)), 2 * len(expected), "frames played")
        equal([bytes(frame) for frame in frames_of(played)], 2 * expected, "frames")


def through_a_policer():
    """Made packets are counted to the packet: what is made conforms or exceeds."""
    ports = static_ports("web-1", options='ingress-policer = { rate = "1kpps", burst = 100 }\n'
                         'packet-generator = { streams = [{ name = "much", rate = "200kpps", count = 50000, '
                         f'source-mac = "{mac(1)}", destination-mac = "{mac(2)}", start = false }}] }}')
    with Weftd(LOAD + ports + static_ports("web-2").replace(mac(1), mac(2))) as weft:
        equal(stream(weft, "much")["state"], "stopped", "a stream that is not to start")
        for turn in (1, 2):
            weft.ctl("packet-generator start much")
            wait_done(weft, "much")
            row, = weft.ctl("show policer")
            equal(row["conform"] + row["exceed"], turn * 50000, "packets that conform or exceed")
            equal(weft.drops()["web-1", "ingress-policer", "exceeded"], row["exceed"], "drops")
        weft.ctl("packet-generator add endless web-1 rate=max")
        weft.ctl("packet-generator stop endless")
        equal(stream(weft, "endless")["state"], "stopped", "a stream that was stopped")
        weft.ctl("port feature delete web-1 packet-generator")
        equal([row["stream"] for row in weft.ctl("show packet-generator")], ["endless"], "streams that stay")
        weft.ctl("port delete web-1")
        equal(weft.ctl("show packet-generator"), [], "streams of a port that has gone")
        for words, answer in (("add x web-9", 'there is no port "web-9"'), ("add x web-2 rate=fast", "is no rate"),
                              ("add x web-2 siez=60", 'did you mean "size"'), ("add x web-2 file=/nonexistent", "No such file"),
                              ("add x web-2 count", "KEY=VALUE"), ("start x", "there is no stream"), ("delete x", "no stream")):
            reply = weft.request(f"packet-generator {words}")
            equal((reply["ok"], answer in reply.get("error", "")), (False, True), f"{words}: {reply}")


def into_any_arc():
    """Packets enter where they are told to: what lies before that does not meet them, and all of them are accounted for."""
    count, limit = 2000, 'ingress-policer = { rate = "1pps", burst = 1 }\negress-policer = { rate = "1pps", burst = 1 }'
    with Weftd(LOAD + ports("web-1", options=limit) + ports("web-2", "web-3")) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), mode="rxonly", ring=1024, mbufs=8192) as one, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly", ring=1024, mbufs=8192) as two, \
         Testpmd(weft.socket("web-3"), mac=mac(3), mode="rxonly", ring=1024, mbufs=8192) as three:
        weft.wait_up("web-1", "web-2", "web-3")
        receivers = {"web-1": one, "web-2": two, "web-3": three}
        for receiver in receivers.values():
            receiver.start()

        def play(into, expected, dropped=None):
            """`count` packets of web-1; which ports get them all, and what drops all but one of them."""
            before, drops = {port: weft.port(port)["tx-packets"] for port in receivers}, weft.drops()
            weft.ctl(f"packet-generator add s web-1 into={into} rate=50kpps count={count} source-mac={mac(7)} "
                     "destination-mac=02:00:00:00:00:aa")
            wait_done(weft, "s")
            more = {key: packets - drops.get(key, 0) for key, packets in weft.drops().items() if packets != drops.get(key, 0)}
            # A receiver may be too slow for one packet or another; it is told then.
            got = {port: weft.port(port)["tx-packets"] - before[port]
                   + sum(packets for (at, node, _), packets in more.items() if (at, node) == (port, "vhost-output"))
                   for port in receivers}
            if dropped is not None:
                at_least(more.pop(("web-1", *dropped)), count - 2, f"packets dropped by {dropped}")
            equal({key for key in more if key[1] != "vhost-output"}, set(), f"other drops, into {into}")
            if dropped is None:
                equal(got, {port: count if port in expected else 0 for port in receivers}, f"packets, into {into}")
            weft.ctl("packet-generator delete s")

        others = ("web-2", "web-3")  # nobody has the address that they go to
        play("flood", others)
        equal(mac(7) in weft.addresses(), False, "that flood learns")
        play("l2-switch", others)
        equal(weft.addresses()[mac(7)], "web-1", "whose address it is")
        play("ingress", others, ("ingress-policer", "exceeded"))
        play("ingress-policer", others, ("ingress-policer", "exceeded"))
        play("egress", ("web-1",), ("egress-policer", "exceeded"))
        play("egress-policer", ("web-1",), ("egress-policer", "exceeded"))
        play("vhost-output", ("web-1",))
        for port, receiver in receivers.items():
            wait_equal(lambda: receiver.stats()["rx-packets"], weft.port(port)["tx-packets"], f"packets that {port} received")

        # The feature goes while packets are made for it, and comes again.
        weft.ctl("packet-generator add s web-1 into=egress-policer rate=10kpps")
        weft.ctl("port feature delete web-1 egress-policer")
        wait_for(lambda: weft.drops().get(("web-1", "generator-enter", "arc-gone"), 0) > 100, "packets that have nowhere to go")
        weft.ctl("port feature set web-1 egress-policer rate=1pps burst=1")
        exceeded = weft.drops()["web-1", "egress-policer", "exceeded"]
        wait_for(lambda: weft.drops()["web-1", "egress-policer", "exceeded"] > exceeded, "packets that reach it again")
        weft.ctl("packet-generator delete s")
        for into, answer in (("flod", 'there is no arc "flod" (there are: ingress, egress, '), ("vhost-input", "there is no arc"),
                             ("generator-enter", "there is no arc"), ("nic-output", "leaves by vhost-output"),
                             ("ingress-mirror", 'port "web-1" has no feature "ingress-mirror"')):
            reply = weft.request(f"packet-generator add x web-1 into={into}")
            equal((reply["ok"], answer in reply.get("error", "")), (False, True), f"into {into}: {reply}")
        equal(weft.ctl("show packet-generator"), [], "streams")
        # As a table of startup.conf: what cannot be is refused, and everything stays as it was.
        before = weft.config_file.read_text()
        for into, answer in (("flod", "there is no arc"), ("flood", None)):
            weft.config_file.write_text(before.replace(limit, limit + '\npacket-generator = { streams = [{ name = "t", '
                                                       f'into = "{into}", rate = "max", count = 5 }}] }}'))
            reply = weft.request("config apply")
            equal((reply["ok"], answer is None or answer in reply["error"]), (answer is None, True), f"into {into}: {reply}")
        wait_done(weft, "t")


def another_build():
    """plugin replace: streams of the shell go on where they are, and each packet that any build made is accounted for."""
    with Weftd(LOAD + static_ports("web-1", "web-2")) as weft:
        weft.ctl(f"packet-generator add mine web-1 rate=20kpps source-mac={mac(1)} destination-mac={mac(2)}")
        weft.ctl("packet-generator add later web-1 start=false")
        for _ in range(5):
            made = stream(weft, "mine")["made"] + 1000
            wait_for(lambda: stream(weft, "mine")["made"] >= made, "a thousand packets")
            weft.ctl("plugin replace packet-generator")
            row = stream(weft, "mine")
            at_least(row["made"], made, "packets made, after a replace")
            equal((row["state"], stream(weft, "later")["state"]), ("running", "stopped"), "states after a replace")
        weft.ctl("packet-generator stop mine")

        def accounts():
            made = sum(row["count"] for row in weft.ctl("show counters")
                       if (row["node"], row["counter"]) == ("generator-ingress", "made"))
            return made - weft.port("web-2")["tx-packets"] - sum(weft.drops().values())
        wait_equal(accounts, 0, "packets made, and neither delivered nor dropped")
        at_least(sum(weft.drops().values()), stream(weft, "mine")["made"], "packets that nobody was there for")


if __name__ == "__main__":
    run(to_a_container_by_way_of_the_switch, what_was_asked_for, a_file_again, through_a_policer, into_any_arc,
        another_build)
