# SPDX-License-Identifier: Apache-2.0
"""Kernel containers: TAPs in network namespaces, with podman and without, beside a vhost container."""
import contextlib
import json
import os
import subprocess

from weft_e2e import (BUILD, Namespace, Podman, Testpmd, Weftd, at_least, equal, mac, ports, require_program, run, skip,
                      wait_equal, wait_for)

PINGS = 20
LOAD = f'[plugins]\ndirectory = "{BUILD / "plugins"}"\nload = ["tap"]\n'


def address(number):
    return f"10.99.0.{number}"


def tap(name, netns, number, more=""):
    return (f'[[port]]\nname = "{name}"\nbridge = "default"\nmac = "{mac(number)}"\n'
            f'tap = {{ netns = "{netns}"{more} }}\n')


def at_inputs(weft):
    """What was dropped of what came from containers."""
    return {key: count for key, count in weft.drops().items() if key[1] == "tap-input"}


def settle(space, number):
    """Gives the namespace's interface its address."""
    space.ip("address", "add", f"{address(number)}/24", "dev", "eth0")


@contextlib.contextmanager
def two(*others, more=""):
    """weftd and two namespaces, a TAP in each."""
    with Namespace("one", alone=True) as one, Namespace("two", alone=True) as two_, \
         Weftd(LOAD + tap("web-1", one.name, 1, more) + tap("web-2", two_.name, 2, more) + "".join(others)) as weft:
        weft.wait_up("web-1", "web-2")
        settle(one, 1)
        settle(two_, 2)
        yield weft, one, two_


def iperf3(server, client, number, *options):
    """What iperf3 in the namespace `client` found out with a server in `server`."""
    require_program("iperf3")
    process = server.process("iperf3", "iperf3", "--server", "--one-off", "--forceflush")
    try:
        wait_for(lambda: "listening" in process.log() or not process.alive(), "iperf3's server")
        result = client.run("iperf3", "--client", address(number), "--json", *options, timeout=60)
        equal(process.wait(30), 0, "exit status of iperf3's server")
        return json.loads(result.stdout)["end"]
    finally:
        process.kill()


def frames_pass():
    with two() as (weft, one, second):
        equal(one.ping(address(2), PINGS), PINGS, "echoes")
        equal(weft.addresses(), {mac(1): "web-1", mac(2): "web-2"}, "addresses of the interfaces")
        # 1472 bytes and their headers are the MTU; more comes in fragments.
        for size in (1472, 5000):
            equal(one.ping(address(2), PINGS, "-s", size), PINGS, f"echoes of {size} bytes")
        equal(weft.drops(), {}, "drops")
        facts = weft.ctl("show port web-1")
        equal((facts["interface"], facts["interface-mac"]), ("eth0", mac(1)), "facts of the port")
        equal(weft.ctl("show port web-1 attach"), {"podman": f"--network=ns:/run/netns/{one.name}"},
              "how a container gets there")


def tcp_both_ways():
    """iperf3 asks the receiver how much arrived, and TCP has checked each segment."""
    megabytes = 64
    with two() as (weft, one, second):
        for way in ([], ["--reverse"]):
            end = iperf3(second, one, 2, "--bytes", f"{megabytes}M", *way)
            # What is under way when the sender has sent enough is not counted.
            at_least(end["sum_received"]["bytes"], megabytes << 19, "bytes received")
        rows = {name: weft.port(name) for name in ("web-1", "web-2")}
        # 64 KiB at a time, both ways: else it were 45,000 frames of 1500 bytes.
        for name, row in rows.items():
            at_least(row["rx-bytes"] / row["rx-packets"], 3000, f"bytes a packet from {name}")
        equal(at_inputs(weft), {}, "drops at inputs")


STREAM = r"""
import hashlib, socket, sys
side, address, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
pattern = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(size // 32))
def sink(s):
    got = hashlib.sha256()
    while data := s.recv(1 << 16):
        got.update(data)
    return got.hexdigest()
if side == "server":
    with socket.create_server((address, 5000)) as listener:
        print("ready", flush=True)
        s, _ = listener.accept()
        with s:
            found = sink(s)
            s.sendall(pattern)
else:
    with socket.create_connection((address, 5000), timeout=30) as s:
        s.sendall(pattern)
        s.shutdown(socket.SHUT_WR)
        found = sink(s)
print(found == hashlib.sha256(pattern).hexdigest(), flush=True)
"""


def stream(server_space, client_space, number, size=8 << 20):
    """Every byte of a stream arrives in its place, one way and then the other."""
    python = "/usr/bin/python3"
    server = server_space.process("server", python, "-c", STREAM, "server", address(number), str(size))
    try:
        wait_for(lambda: "ready" in server.log() or not server.alive(), "the server")
        client = client_space.run(python, "-c", STREAM, "client", address(number), size, timeout=60)
        equal(client.stdout.strip(), "True", "what came back is what was sent")
        equal(server.wait(30), 0, "the server's exit status")
        equal(server.log().split(), ["ready", "True"], "what came is what was sent")
    finally:
        server.kill()


def content_and_order():
    with two() as (weft, one, second):
        stream(second, one, 2)
        stream(one, second, 1)
        equal(at_inputs(weft), {}, "drops at inputs")


def without_offloads():
    """A container that sums and segments itself, and one that does not, understand each other."""
    with two() as (weft, one, second):
        require_program("ethtool")
        one.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off")
        stream(second, one, 2)
        equal(at_inputs(weft), {}, "drops at inputs")


def to_a_nic():
    """Nobody behind a NIC takes what a container left to be done: weft does it, and that kernel looks at each sum."""
    with Namespace("host", f"{address(7)}/24", mac(7)) as host, Namespace("one", alone=True) as one, \
         Weftd(LOAD + tap("web-1", one.name, 1) + '[[port]]\nname = "uplink"\nbridge = "default"\n'
               f'dpdk = {{ device = "net_af_packet0,iface={host.outside}" }}\n') as weft:
        require_program("ethtool")
        weft.wait_up("web-1", "uplink")
        settle(one, 1)
        # What comes in by a packet socket has lost the word that its checksum is still to be filled in.
        host.run("ethtool", "-K", "eth0", "tx", "off")
        stream(host, one, 7, 1 << 20)
        equal(at_inputs(weft), {}, "drops at inputs")


def several_queues():
    """Two workers, a queue of each interface on either: flows of both keep their order."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        skip("one core only")
    workers = f"[workers]\ncores = {cpus[:2]}\n"
    with two(workers, more=", queues = 2") as (weft, one, second):
        equal(weft.ctl("show port web-1")["queues"], 2, "queues of web-1")
        equal(one.ping(address(2), PINGS), PINGS, "echoes")
        stream(second, one, 2)
        equal(at_inputs(weft), {}, "drops at inputs")


def beside_a_vhost_container():
    with two(ports("web-3")) as (weft, one, second), \
         Testpmd(weft.socket("web-3"), mac=mac(3), mode="icmpecho") as echo:
        weft.wait_up("web-3")
        echo.start()
        for space in (one, second):
            equal(space.ping(address(9), PINGS), PINGS, "echoes of the vhost container")
        # It answers every ARP request, so the two find each other by what they know.
        echo.stop()
        one.ip("neighbour", "flush", "all")
        equal(one.ping(address(2), PINGS), PINGS, "echoes from TAP to TAP")


def what_goes_comes_back():
    with two() as (weft, one, second):
        fds = weft.fds()
        equal(one.ping(address(2), 3), 3, "echoes")
        second.ip("link", "delete", "eth0")
        wait_for(lambda: weft.port("web-2")["reason"] == "waits: the interface has gone", "the port is down")
        weft.wait_up("web-2")
        settle(second, 2)
        wait_equal(lambda: one.ping(address(2), 3), 3, "echoes, with an interface that is new")
        # Set down, it is still there; what is sent there has a reason.
        second.ip("link", "set", "eth0", "down")
        one.ping(address(2), 1, "-W", "1")
        at_least(weft.drops().get(("web-2", "tap-output", "interface-down"), 0), 1, "frames to it")
        equal(any("is set down" in row["finding"] for row in weft.ctl("why web-2")), True, "why says so")
        second.ip("link", "set", "eth0", "up")
        # The namespace goes, and another one of the name comes.
        subprocess.run(["ip", "netns", "delete", second.name], check=True)
        wait_for(lambda: "there is no network namespace" in weft.port("web-2")["reason"], "the port waits")
        subprocess.run(["ip", "netns", "add", second.name], check=True)
        weft.wait_up("web-2")
        settle(second, 2)
        wait_equal(lambda: one.ping(address(2), 3), 3, "echoes of the other namespace")
        wait_equal(weft.fds, fds, "descriptors of weftd")
    equal("eth0" in subprocess.run(["ip", "link"], capture_output=True, text=True, check=True).stdout.split(),
          False, "nothing of it is left here")


def another_build():
    """plugin replace: interfaces are made anew, and only their addresses have to be given again."""
    with two() as (weft, one, second):
        fds = weft.fds()
        for _ in range(3):
            equal(one.ping(address(2), 3), 3, "echoes")
            weft.ctl("plugin replace tap")
            weft.wait_up("web-1", "web-2")
            settle(one, 1)
            settle(second, 2)
        wait_equal(lambda: one.ping(address(2), 3), 3, "echoes by the last build")
        wait_equal(weft.fds, fds, "descriptors of weftd")


def a_namespace_that_comes_later():
    with Namespace("one", alone=True) as one:
        later = f"{one.name}-later"
        with Weftd(LOAD + tap("web-1", one.name, 1) + tap("web-2", later, 2)) as weft:
            weft.wait_up("web-1")
            equal(weft.port("web-2")["state"], "down", "the port without namespace")
            try:
                subprocess.run(["ip", "netns", "add", later], check=True)
                weft.wait_up("web-2")
            finally:
                subprocess.run(["ip", "netns", "delete", later], check=True)


def an_interface_of_that_name():
    """Whoever is in the namespace cannot keep weftd from starting, and the port comes up when it may."""
    with Namespace("one", alone=True) as one:
        one.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        with Weftd(LOAD + tap("web-1", one.name, 1) + tap("web-2", one.name, 2, ', interface = "net0"')) as weft:
            weft.wait_up("web-2")
            row = weft.port("web-1")
            equal((row["state"], "there is an interface eth0" in row["reason"]), ("error", True), "web-1")
            weft.ctl(f"port add web-3 tap netns={one.name} interface=net0")
            equal(weft.port("web-3")["state"], "error", "a second port for net0")
            one.ip("link", "delete", "eth0")
            weft.wait_up("web-1")


def sleeping_workers_wake():
    """An idle worker burns nothing, and the first frame after a pause is answered at once."""
    with two() as (weft, one, _):
        one.ping(address(2), 1)
        before = weft.ctl("show workers")[0]["sleeps"]
        wait_for(lambda: weft.ctl("show workers")[0]["sleeps"] > before, "the worker sleeps")
        equal(one.ping(address(2), PINGS, "-i", "0.05"), PINGS, "echoes of a worker that slept")


def without_the_right():
    """A weftd that gave up CAP_NET_ADMIN refuses the port with a sentence, and goes on."""
    with Namespace("one", alone=True) as one, Weftd(LOAD + ports("web-1")) as weft:
        reply = weft.request(f"port add web-2 tap netns={one.name}")
        equal((reply["ok"], "CAP_NET_ADMIN" in reply.get("error", "")), (False, True), "the refusal")
        equal(weft.port("web-1")["name"], "web-1", "weftd goes on")


def podman_containers():
    """The page's walk: two busybox containers in namespaces with names."""
    with Podman() as podman, two() as (weft, one, second):
        podman.run("run", "-d", "--name", "web-2", f"--network=ns:/run/netns/{second.name}", "localhost/bb:1",
                   "/bin/httpd", "-f", "-h", "/bin")
        in_one = ("run", "--rm", f"--network=ns:/run/netns/{one.name}", "localhost/bb:1")
        said = podman.run(*in_one, "/bin/ping", "-c", "3", address(2))
        equal("3 packets received" in said, True, f"a ping from container to container: {said}")
        # The program itself, a megabyte by TCP: the container compares it with its own.
        said = podman.run(*in_one, "/bin/sh", "-c",
                          f"/bin/wget -q -O - http://{address(2)}/busybox | /bin/busybox cmp - /bin/busybox && "
                          "echo same")
        equal(said.strip(), "same", "the file that came by TCP")
        podman.run("rm", "--force", "--time", "0", "web-2")
        equal(weft.port("web-2")["state"], "up", "the port: its namespace is still there")
        equal(weft.drops(), {}, "drops")


def a_container_by_its_process():
    """A namespace without a name: one more right, and over when the process has gone."""
    keys = 'keep-capabilities = ["net-admin", "sys-ptrace"]'
    with Podman() as podman, Weftd(LOAD + ports("web-1"), keys=keys) as weft:
        podman.run("run", "-d", "--name", "web-2", "--network=none", "localhost/bb:1", "/bin/sleep", "1000")
        pid = podman.run("inspect", "--format", "{{.State.Pid}}", "web-2").strip()
        weft.ctl(f"port add web-2 tap netns=/proc/{pid}/ns/net mac={mac(2)}")
        weft.wait_up("web-2")
        said = podman.run("exec", "web-2", "/bin/ip", "link", "show", "eth0")
        equal(mac(2) in said, True, f"the interface in the container: {said}")
        podman.run("rm", "--force", "--time", "0", "web-2")
        wait_for(lambda: "the process's namespace has gone" in weft.port("web-2")["reason"], "the port is down")


if __name__ == "__main__":
    run(frames_pass, tcp_both_ways, content_and_order, without_offloads, to_a_nic, several_queues,
        beside_a_vhost_container, what_goes_comes_back, another_build, a_namespace_that_comes_later, an_interface_of_that_name,
        sleeping_workers_wake, without_the_right, podman_containers,
        a_container_by_its_process)
