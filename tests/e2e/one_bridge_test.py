# SPDX-License-Identifier: Apache-2.0
"""Containers of every kind in one bridge: busybox under podman by tap, a veth by af-xdp, DPDK's net_memif and
virtio-user. Each reaches each other."""
import json

from weft_e2e import (BUILD, MemifTestpmd, Namespace, Podman, Testpmd, Weftd, at_least, equal, mac, require_program, run,
                      wait_for)

PINGS = 10
WEB_1, WEB_2, VETH, MEMIF, VHOST = range(1, 6)  # the last digits of their addresses
EVERYBODY = (WEB_1, WEB_2, VETH, MEMIF, VHOST)


def address(number):
    return f"10.96.0.{number}"


def config(one, two, veth):
    kinds = {"web-1": (WEB_1, f'tap = {{ netns = "{one.name}" }}'), "web-2": (WEB_2, f'tap = {{ netns = "{two.name}" }}'),
             "old-1": (VETH, f'af-xdp = {{ interface = "{veth.outside}" }}'), "fw-1": (MEMIF, "memif = {}"),
             "kv-1": (VHOST, "vhost = {}")}
    return (f'[plugins]\ndirectory = "{BUILD / "plugins"}"\nload = ["tap", "af-xdp", "memif"]\n'
            + "".join(f'[[port]]\nname = "{name}"\nbridge = "default"\nmac = "{mac(number)}"\n{kind}\n'
                      for name, (number, kind) in kinds.items()))


def know_each_other(space, own):
    """The two echoes answer every ARP request, whoever is asked, so nobody asks."""
    for number in EVERYBODY:
        if number != own:
            space.ip("neighbour", "replace", address(number), "lladdr", mac(number), "dev", "eth0")


def each_reaches_each():
    require_program("ethtool")
    with Podman() as podman, Namespace("one", alone=True) as one, Namespace("two", alone=True) as two, \
         Namespace("veth", f"{address(VETH)}/24", mac(VETH)) as veth, Weftd(config(one, two, veth)) as weft, \
         MemifTestpmd(weft.socket("fw-1", "memif.sock"), mac=mac(MEMIF), mode="icmpecho", peer=mac(VHOST)) as memif, \
         Testpmd(weft.socket("kv-1"), mac=mac(VHOST), mode="icmpecho", peer=mac(MEMIF)) as vhost:
        for space, number in ((one, WEB_1), (two, WEB_2)):
            weft.wait_up(f"web-{number}")
            space.ip("address", "add", f"{address(number)}/24", "dev", "eth0")
        veth.run("ethtool", "-K", "eth0", "tx", "off")  # an AF_XDP socket hears nothing of checksums left out
        for space, number in ((one, WEB_1), (two, WEB_2), (veth, VETH)):
            know_each_other(space, number)
        memif.start()
        vhost.start()
        weft.wait_up("old-1", "fw-1", "kv-1")
        for space, number in ((one, WEB_1), (two, WEB_2)):
            inside = ("run", "--rm", f"--network=ns:/run/netns/{space.name}", "localhost/bb:1", "/bin/sh", "-c")
            others = [address(other) for other in EVERYBODY if other != number]
            said = podman.run(*inside, "for a in " + " ".join(others) + f"; do /bin/ping -c {PINGS} -i 0.05 $a; done")
            equal(said.count(f"{PINGS} packets received"), len(others), f"who answered web-{number}: {said}")
        for number in EVERYBODY:
            if number != VETH:
                equal(veth.ping(address(number), PINGS), PINGS, f"echoes of {address(number)} at the veth")
        equal(weft.drops(), {}, "drops")
        # The two that only answered: one sends and the other counts, and then the other way.
        for sender, receiver, name in ((memif, vhost, "kv-1"), (vhost, memif, "fw-1")):
            for container in (memif, vhost):
                container.stop()
            receiver.forward("rxonly")
            sender.forward("txonly")
            before = weft.port(name)["tx-packets"]
            receiver.start()
            sender.start()
            wait_for(lambda: weft.port(name)["tx-packets"] > before + 1000, f"frames to {name}")
            sender.stop()
            at_least(receiver.stats()["rx-packets"], 1000, f"frames that {name} has had")


def files_by_tcp():
    """A page of a busybox by tap, fetched by the other one and by the veth's kernel."""
    with Podman() as podman, Namespace("one", alone=True) as one, Namespace("two", alone=True) as two, \
         Namespace("veth", f"{address(VETH)}/24", mac(VETH)) as veth, Weftd(config(one, two, veth)) as weft:
        for space, number in ((one, WEB_1), (two, WEB_2)):
            weft.wait_up(f"web-{number}")
            space.ip("address", "add", f"{address(number)}/24", "dev", "eth0")
        weft.wait_up("old-1")
        veth.run("ethtool", "-K", "eth0", "tx", "off")
        podman.run("run", "-d", "--name", "web-2", f"--network=ns:/run/netns/{two.name}", "localhost/bb:1", "/bin/httpd",
                   "-f", "-h", "/bin")

        def fetch(busybox):
            return ("/bin/sh", "-c", f"{busybox} wget -q -O - http://{address(WEB_2)}/busybox | "
                    f"{busybox} cmp - {busybox} && echo same")
        said = podman.run("run", "--rm", f"--network=ns:/run/netns/{one.name}", "localhost/bb:1", *fetch("/bin/busybox"))
        equal(said.strip(), "same", "the file at web-1")
        said = veth.run(*fetch(podman.folder / "image" / "bin" / "busybox")).stdout
        equal(said.strip(), "same", "the file at the veth")


MEGABYTES = 32


def iperf3_both_ways():
    """Two containers of podman's: the receiver says how much has arrived, and the kernels have looked at each sum."""
    with Podman("iperf3") as podman, Namespace("one", alone=True) as one, Namespace("two", alone=True) as two, \
         Namespace("veth", f"{address(VETH)}/24", mac(VETH)) as veth, Weftd(config(one, two, veth)) as weft:
        for space, number in ((one, WEB_1), (two, WEB_2)):
            weft.wait_up(f"web-{number}")
            space.ip("address", "add", f"{address(number)}/24", "dev", "eth0")
        podman.run("run", "-d", "--name", "web-2", f"--network=ns:/run/netns/{two.name}", "localhost/bb:1",
                   "/usr/bin/iperf3", "--server", "--forceflush")
        wait_for(lambda: "listening" in podman.run("logs", "web-2"), "iperf3's server")
        for way in ([], ["--reverse"]):
            said = podman.run("run", "--rm", f"--network=ns:/run/netns/{one.name}", "localhost/bb:1", "/usr/bin/iperf3",
                              "--client", address(WEB_2), "--json", "--bytes", f"{MEGABYTES}M", *way)
            # What is under way when the sender has sent enough is not counted.
            at_least(json.loads(said)["end"]["sum_received"]["bytes"], MEGABYTES << 19, "bytes received")
        equal({drop: count for drop, count in weft.drops().items() if drop[1] == "tap-input"}, {}, "drops at inputs")


if __name__ == "__main__":
    run(each_reaches_each, files_by_tcp, iperf3_both_ways)
