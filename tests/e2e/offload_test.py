# SPDX-License-Identifier: Apache-2.0
"""Checksums and TCP segments that a container leaves to be made, judged by the kernel's own TCP.

A container (testpmd, its csum engine) stands between a namespace and weft: it asks for the checksum of
every TCP packet, and for segments of 500 bytes. Behind weft a NIC leads to another namespace.
"""
import contextlib
import hashlib
import random
import re
import sys

from weft_e2e import BUILD, Namespace, Testpmd, Weftd, at_least, equal, require_program, run, wait_for

LEFT, RIGHT = "02:00:00:00:01:01", "02:00:00:00:01:02"
SIZE = 3_000_000
SEGMENT = 500
DATA = f"""
import hashlib, random, socket, sys
def data(seed): return random.Random(seed).randbytes({SIZE})
def take(peer):
    digest, left = hashlib.sha256(), {SIZE}
    while left:
        piece = peer.recv(65536)
        if not piece: sys.exit("the connection ended early")
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
"""
SERVER = DATA + """
listener = socket.create_server(("10.99.0.2", 4000))
print("ready", flush=True)
peer, _ = listener.accept()
print("took", take(peer), flush=True)
peer.sendall(data(2))
peer.recv(1)
"""
CLIENT = DATA + """
peer = socket.create_connection(("10.99.0.2", 4000), timeout=60)
peer.sendall(data(1))
print(take(peer))
"""


def sha256(seed):
    return hashlib.sha256(random.Random(seed).randbytes(SIZE)).hexdigest()


def counters(weft, node):
    """{counter: value} of a node, all workers together."""
    found = {}
    for row in weft.ctl("show counters"):
        if row["node"] == node:
            found[row["counter"]] = found.get(row["counter"], 0) + row["count"]
    return found


@contextlib.contextmanager
def stage(container_port):
    """(left, right, weft, container); the container's [[port]] table has this `vhost`."""
    require_program("ethtool")
    with Namespace("left", "10.99.0.1/24", LEFT) as left, \
         Namespace("right", "10.99.0.2/24", RIGHT) as right:
        for namespace in (left, right):  # so that what reaches the packet sockets is whole
            namespace.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        config = f'[[port]]\nname = "web-1"\nbridge = "default"\nvhost = {container_port}\n' \
                 f'[[port]]\nname = "uplink"\nbridge = "default"\n' \
                 f'dpdk = {{ device = "net_af_packet0,iface={right.outside}" }}\n'
        with Weftd(config) as weft:
            container = Testpmd(weft.socket("web-1"), mac="02:00:00:00:00:01", mode="csum", mbufs=8192)
            container.argv.insert(container.argv.index("--"), f"--vdev=net_af_packet1,iface={left.outside}")
            with container:
                weft.wait_up("web-1", "uplink")
                yield left, right, weft, container


def ask_for_offloads(container, tso):
    lines = ["port stop all", "csum set ip sw 0", "csum set tcp hw 0"]
    lines += [f"tso set {SEGMENT} 0"] if tso else []
    lines += ["csum mac-swap off 0", "csum mac-swap off 1", "port start all", "set promisc all on"]
    said = "".join(container.command(line) for line in lines)
    equal([line for line in said.splitlines() if re.search(r"error|not supported", line, re.I)], [],
          "what testpmd complains of")


def transfer(left, right):
    """3 MB each way over one TCP connection; every byte is right."""
    server = right.process("server", sys.executable, "-c", SERVER)
    try:
        wait_for(lambda: "ready" in server.log(), "the server listens")
        client = left.run(sys.executable, "-c", CLIENT, timeout=120)
        equal(client.stdout.strip(), sha256(2), "what came back")
        wait_for(lambda: f"took {sha256(1)}" in server.log(), "the server has all of it")
    finally:
        server.kill()


def a_nic_gets_segments_that_tcp_takes():
    with stage("{ offload = true }") as (left, right, weft, container):
        ask_for_offloads(container, tso=True)
        weft.wait_up("web-1", "uplink")
        facts = weft.ctl("show port web-1")
        for feature in ("csum", "host-tso4"):
            equal(feature in facts["negotiated"].split(", "), True, f"{feature} in {facts['negotiated']}")
        container.start()
        transfer(left, right)
        counted = counters(weft, "nic-output")
        at_least(counted["offloaded"], SIZE // 1460, "packets that asked")
        at_least(counted["offload-frames"], SIZE // SEGMENT, "segments that were made")
        drops = {drop: count for drop, count in weft.drops().items() if drop[1] == "vhost-input"}
        equal(drops, {}, "frames of the container that were refused")


def a_nic_gets_checksums_that_tcp_takes():
    with stage("{ offload = true }") as (left, right, weft, container):
        ask_for_offloads(container, tso=False)
        weft.wait_up("web-1", "uplink")
        container.start()
        transfer(left, right)
        counted = counters(weft, "nic-output")
        at_least(counted["offloaded"], SIZE // 1460, "packets that asked")
        equal(counted["offload-frames"], counted["offloaded"], "frames, one of each")


@contextlib.contextmanager
def routed(*options):
    """(left, right, weft, container): kernel containers by tap in two bridges, and a container of two ports between them."""
    def port(name, bridge, kind):
        return f'[[port]]\nname = "{name}"\nbridge = "{bridge}"\n{kind}\n'
    with Namespace("left", alone=True) as left, Namespace("right", alone=True) as right:
        config = f'[plugins]\ndirectory = "{BUILD / "plugins"}"\nload = ["tap"]\n[[bridge]]\nname = "default"\n[[bridge]]\nname = "far"\n' \
            + port("left", "default", f'mac = "{LEFT}"\ntap = {{ netns = "{left.name}" }}') \
            + port("fw-in", "default", "vhost = { offload = true }") + port("fw-out", "far", "vhost = { offload = true }") \
            + port("right", "far", f'mac = "{RIGHT}"\ntap = {{ netns = "{right.name}" }}')
        with Weftd(config) as weft:
            container = Testpmd(weft.socket("fw-in"), mac="02:00:00:00:00:01", mode="csum", mbufs=16384, options=options)
            container.argv.insert(container.argv.index("--"), f"--vdev=net_virtio_user1,path={weft.socket('fw-out')},"
                                                              "queues=1,mac=02:00:00:00:00:02")
            with container:
                weft.wait_up("left", "right", "fw-in", "fw-out")
                left.ip("address", "add", "10.99.0.1/24", "dev", "eth0")
                right.ip("address", "add", "10.99.0.2/24", "dev", "eth0")
                yield left, right, weft, container


def other_drops(weft):
    """All drops but those at full rings: a container that gets no core has one, and TCP slows down."""
    return {drop: count for drop, count in weft.drops().items() if drop[2] != "ring-full"}


def a_container_takes_segments_whole():
    tcp_checksums_and_lro = "--rx-offloads=0x18"  # RTE_ETH_RX_OFFLOAD_TCP_CKSUM, _TCP_LRO
    with routed(tcp_checksums_and_lro) as (left, right, weft, container):
        lines = ["port stop all"]
        for port in (0, 1):
            lines += [f"csum set ip sw {port}", f"csum set tcp hw {port}", f"tso set 1400 {port}",
                      f"csum mac-swap off {port}"]
        said = "".join(container.command(line) for line in [*lines, "port start all", "set promisc all on"])
        equal([line for line in said.splitlines() if re.search(r"error|not supported", line, re.I)], [],
              "what testpmd complains of")
        weft.wait_up("fw-in", "fw-out")
        for port in ("fw-in", "fw-out"):
            facts = weft.ctl(f"show port {port}")
            equal("guest-tso4" in facts["negotiated"].split(", "), True, f"guest-tso4 in {facts['negotiated']}")
        container.start()
        transfer(left, right)
        for port in ("fw-in", "fw-out"):
            row = weft.port(port)
            at_least(row["tx-bytes"] / row["tx-packets"], 1600, f"bytes a packet to {port}, ACKs included")
        equal(other_drops(weft), {}, "drops")


def who_takes_nothing_gets_frames_of_the_mtu():
    """The same container, and all it does is to pass frames on: whole ones, with sums that the kernel believes."""
    with routed() as (left, right, weft, container):
        container.forward("io")
        container.command("set promisc all on")
        container.start()
        transfer(left, right)
        row = weft.port("fw-in")
        at_least(1514, row["tx-bytes"] / row["tx-packets"], "bytes a packet")
        equal(other_drops(weft), {}, "drops")


def without_the_key_nothing_is_offered():
    with stage("{}") as (left, right, weft, container):
        said = container.command("show port 0 tx_offload capabilities")
        equal("TCP_TSO" in said or "TCP_CKSUM" in said, False, f"what is offered: {said}")


if __name__ == "__main__":
    run(a_nic_gets_segments_that_tcp_takes, a_nic_gets_checksums_that_tcp_takes, a_container_takes_segments_whole,
        who_takes_nothing_gets_frames_of_the_mtu, without_the_key_nothing_is_offered)
