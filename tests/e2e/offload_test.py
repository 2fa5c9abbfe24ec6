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

from weft_e2e import Namespace, Testpmd, Weftd, at_least, equal, require_program, run, wait_for

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


def without_the_key_nothing_is_offered():
    with stage("{}") as (left, right, weft, container):
        said = container.command("show port 0 tx_offload capabilities")
        equal("TCP_TSO" in said or "TCP_CKSUM" in said, False, f"what is offered: {said}")


if __name__ == "__main__":
    run(a_nic_gets_segments_that_tcp_takes, a_nic_gets_checksums_that_tcp_takes,
        without_the_key_nothing_is_offered)
