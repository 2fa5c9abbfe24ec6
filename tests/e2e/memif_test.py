# SPDX-License-Identifier: Apache-2.0
"""Containers with DPDK's net_memif device: whoever listens, next to vhost containers, one that dies again
and again (WEFT_E2E_KILLS times), and two switches' ports that are joined by memif alone."""
import os
import pathlib

from weft_e2e import (BUILD, HugePages, MemifTestpmd, Pair, Testpmd, Weftd, at_least, equal, mac, run, wait_equal,
                      wait_for)

KILLS = int(os.environ.get("WEFT_E2E_KILLS", "8"))
PLUGIN = f'[plugins]\ndirectory = "{BUILD}/plugins"\nload = ["memif"]\n'


def port(name, number, kind="memif = {}", bridge="default"):
    """A port with the address of its number, so that nothing to it is flooded."""
    return f'[[port]]\nname = "{name}"\nbridge = "{bridge}"\nmac = "{mac(number)}"\n{kind}\n'


def begin(weft, pair):
    """Starts the traffic, once both have buffers to receive into: net_memif as a client offers them only
    when it receives for the first time."""
    for name, container in pair.containers.items():
        if isinstance(container, MemifTestpmd):
            container.forward("rxonly")
            container.start()
            wait_equal(lambda: weft.ctl(f"show port {name}")["ring-tx-free"], 1024, f"buffers of {name}")
    pair.start()


def to_and_fro(weft, names, kinds, **options):
    with Pair(weft, names, kinds=kinds, **options) as pair:
        begin(weft, pair)
        pair.wait_frames(10_000)
        facts = weft.ctl(f"show port {names[0]}")
        equal(facts["state"], "up", f"state of {names[0]}")
        at_least(facts["rings-rx"], 1, "its rings")
        equal(facts["ring-size-rx"], 1024, "descriptors of its ring")
        at_least(facts["memory-bytes"], 1, "the memory that is shared")
        pair.finish()
        return facts


def a_client_and_a_vhost_container():
    with Weftd(PLUGIN + port("fw-1", 1) + port("web-1", 2, "vhost = {}")) as weft:
        facts = to_and_fro(weft, ("fw-1", "web-1"), (MemifTestpmd, Testpmd))
        equal(facts["role"], "server", "role of the port")
        equal(facts["peer-name"].startswith("DPDK"), True, f"peer {facts['peer-name']}")
        equal(facts["connections"], 1, "connections")
        steps = [step["node"] for step in traced(weft)]
        equal(steps, ["memif-input", "l2-switch", "port-output", "vhost-output"], "the way of a frame")


def traced(weft):
    """The steps of the next frame that comes in at memif-input from a container that sends for ever."""
    with MemifTestpmd(weft.socket("fw-1", "memif.sock"), mac=mac(1), mode="txonly", peer=mac(2)) as one, \
         Testpmd(weft.socket("web-1"), mac=mac(2), mode="rxonly") as other:
        weft.wait_up("fw-1", "web-1")
        other.start()
        weft.ctl("trace add memif-input 1")
        one.start()
        wait_for(lambda: weft.ctl("show trace paths")["paths"] != [], "a trace")

        def steps():  # of the one frame, which may be under way yet
            found, = weft.ctl("show trace").values()
            return found
        wait_for(lambda: "vhost-output" in [step["node"] for step in steps()], "the trace of a frame that arrived")
        return steps()


def a_server_and_a_vhost_container():
    """The memory is weft's, and testpmd listens."""
    config = PLUGIN + port("fw-1", 1, 'memif = { role = "client" }') + port("web-1", 2, 'vhost = { listen = "container" }')
    with Weftd(config) as weft:
        equal(weft.port("fw-1")["state"], "down", "a port without a server")
        facts = to_and_fro(weft, ("fw-1", "web-1"), (MemifTestpmd, Testpmd), server=True)
        equal(facts["role"], "client", "role of the port")
        wait_equal(lambda: weft.port("fw-1")["state"], "down", "the port when the server has gone")


def two_clients():
    with Weftd(PLUGIN + port("fw-1", 1) + port("fw-2", 2)) as weft:
        to_and_fro(weft, ("fw-1", "fw-2"), (MemifTestpmd, MemifTestpmd))


def two_queues_on_two_workers(role):
    """Rings of a port are polled by different workers, and each worker writes a ring of its own."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    kind = f'memif = {{ role = "{role}", queues = 2 }}'
    with Weftd(f"[workers]\ncores = {cores}\n{PLUGIN}" + port("fw-1", 1, kind) + port("fw-2", 2, kind)) as weft:
        facts = to_and_fro(weft, ("fw-1", "fw-2"), (MemifTestpmd, MemifTestpmd), queues=2, server=role == "client")
        equal((facts["rings-rx"], facts["rings-tx"]), (2, 2), "rings that run")
        workers = [str(number) for number in range(len(cores))]
        for name in ("fw-1", "fw-2"):
            equal(sorted(set(weft.ctl(f"show port {name}")["workers"].split(", "))), workers, f"workers of {name}")
        inputs = {row["worker"] for row in weft.ctl("show runtime") if row["node"] == "memif-input" and row["packets"] > 0}
        equal(sorted(inputs), [int(number) for number in workers], "workers that got frames")


def two_queues_and_weft_listens():
    two_queues_on_two_workers("server")


def two_queues_and_weft_connects():
    two_queues_on_two_workers("client")


def a_client_that_shares_its_pools():
    """net_memif's zero-copy: buffers are where its mbufs are."""
    with HugePages(128), Weftd(PLUGIN + port("fw-1", 1) + port("fw-2", 2)) as weft:
        facts = to_and_fro(weft, ("fw-1", "fw-2"), (MemifTestpmd, MemifTestpmd), memory="in-memory",
                           device="zero-copy=yes")
        at_least(facts["memory-regions"], 2, "regions of memory")


def two_ports_of_weft_joined_by_memif():
    """A client's port and a server's, in two bridges: a frame goes through weft twice."""
    joined = 'memif = {{ role = "{}", socket = "{}", id = 7, secret = "psst", ring-size = 2048 }}'
    with Weftd("") as other:  # for a directory that is there
        path = other.scratch / "joined.sock"
        config = (PLUGIN + '[[bridge]]\nname = "left"\n[[bridge]]\nname = "right"\n'
                  + port("web-1", 1, "vhost = {}", "left") + port("web-2", 2, "vhost = {}", "right")
                  + port("to-right", 2, joined.format("server", path), "left")
                  + port("to-left", 1, joined.format("client", path), "right"))
        with Weftd(config) as weft, Pair(weft) as pair:
            weft.wait_up("to-right", "to-left")
            pair.start()
            pair.wait_frames(10_000)
            equal(weft.ctl("show port to-right")["peer-interface"], "to-left", "the peer's name of itself")
            equal(weft.ctl("show port to-right")["ring-size-tx"], 2048, "descriptors of its ring")
            for container in pair.containers.values():
                container.stop()
            equal(weft.drops(), {}, "frames that weft lost")


def another_build():
    """plugin replace with ports of its kind: they are the same ports, both ends come back by themselves, and frames pass
    again. Two vhost containers lose nothing."""
    joined = 'memif = {{ role = "{}", socket = "{}", id = 7, queues = 2 }}'
    with Weftd("") as other:  # for a directory that is there
        path = other.scratch / "joined.sock"
        config = (PLUGIN + "".join(f'[[bridge]]\nname = "{name}"\n' for name in ("left", "right", "apart"))
                  + port("web-1", 1, "vhost = {}", "left") + port("web-2", 2, "vhost = {}", "right")
                  + port("to-right", 2, joined.format("server", path), "left")
                  + port("to-left", 1, joined.format("client", path), "right")
                  + port("apart-1", 5, "vhost = {}", "apart") + port("apart-2", 6, "vhost = {}", "apart"))
        with Weftd(config) as weft, Pair(weft, ("apart-1", "apart-2"), numbers=(5, 6)) as apart, Pair(weft) as pair:
            weft.wait_up("to-right", "to-left")
            apart.start()
            descriptors = weft.fds()
            for turn in range(5):
                weft.ctl("plugin replace memif")
                wait_equal(lambda: code_of_memif(weft), 1, f"copies of its code after turn {turn}")
                weft.wait_up("to-right", "to-left")
                equal(weft.ctl("show port to-right")["workers"].count(","), 1, "queues that are polled")
                pair.start()
                pair.wait_frames(2000)
                for container in pair.containers.values():
                    container.stop()
                apart.wait_frames()
            wait_equal(weft.fds, descriptors, "descriptors")
            counted = {name: weft.port(name)["tx-packets"] for name in ("to-right", "to-left")}
            at_least(min(counted.values()), 10_000, f"frames of all builds: {counted}")
            apart.finish()


def code_of_memif(weft):
    lines = pathlib.Path(f"/proc/{weft.pid}/maps").read_text().splitlines()
    return sum("/memfd:memif.so" in line and " r-xp " in line for line in lines)


def what_stays(weft):
    return {"fds": weft.fds(), "memory": weft.memory_files(), "threads": len(weft.threads()),
            "addresses": weft.addresses()}


def killed_in_mid_burst(role):
    """KILLS times, while two others send to each other and must not notice."""
    config = (PLUGIN + port("web-1", 1, "vhost = {}") + port("fw-2", 2) + port("sink", 3, "vhost = {}")
              + f'[[port]]\nname = "victim"\nbridge = "default"\nmemif = {{ role = "{role}" }}\n')
    with Weftd(config) as weft, Pair(weft, ("web-1", "fw-2"), kinds=(Testpmd, MemifTestpmd)) as pair, \
         Testpmd(weft.socket("sink"), mac=mac(3), mode="rxonly") as sink:
        weft.wait_up("sink")
        sink.start()
        begin(weft, pair)
        baseline = what_stays(weft)
        with MemifTestpmd(weft.socket("victim", "memif.sock"), mac=mac(4), mode="txonly", peer=mac(3),
                          server=role == "client") as victim:
            for turn in range(1, KILLS + 1):
                before = weft.port("victim")["rx-packets"], weft.port("sink")["tx-packets"]
                victim.ready()
                weft.wait_up("victim")
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
            # A server of DPDK's listens before it knows its interface, and sends away who comes too early.
            connections = weft.ctl("show port victim")["connections"]
            (equal if role == "server" else at_least)(connections, KILLS + 1, "connections")
        pair.finish()
        equal({port for port, _, _ in weft.drops()} - {"sink"}, set(), "ports with drops besides the sink")


def a_client_killed_in_mid_burst():
    killed_in_mid_burst("server")


def a_server_killed_in_mid_burst():
    killed_in_mid_burst("client")


def the_plugin_goes_when_its_ports_have_gone():
    """What startup.conf said of the port goes with it: its types are the plugin's."""
    with Weftd(PLUGIN + port("fw-1", 1) + port("web-1", 2, "vhost = {}")) as weft:
        with MemifTestpmd(weft.socket("fw-1", "memif.sock"), mac=mac(1), mode="rxonly"):
            weft.wait_up("fw-1")
            refusal = weft.request("plugin unload memif")
            equal(refusal["ok"], False, f"unloading it while fw-1 needs it: {refusal}")
            weft.ctl("port delete fw-1")
            weft.ctl("plugin unload memif")
            wait_equal(lambda: [row["name"] for row in weft.ctl("show plugins")], [], "plugins that are there")
            wait_equal(lambda: code_of_memif(weft), 0, "copies of its code")
            equal(weft.socket("fw-1", "memif.sock").exists(), False, "its socket is there")


if __name__ == "__main__":
    run(a_client_and_a_vhost_container, a_server_and_a_vhost_container, two_clients, two_queues_and_weft_listens,
        two_queues_and_weft_connects, a_client_that_shares_its_pools,
        two_ports_of_weft_joined_by_memif, another_build, a_client_killed_in_mid_burst, a_server_killed_in_mid_burst,
        the_plugin_goes_when_its_ports_have_gone)
