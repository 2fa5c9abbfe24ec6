# SPDX-License-Identifier: Apache-2.0
"""What weftd gives up after its start, as the kernel tells it of every thread."""
import os
import signal

from stage.sleeper import Sleeper
from weft_e2e import (BUILD, HugePages, Namespace, Pair, Testpmd, Weftd, equal, mac, ordinary_user, ports, require_root,
                      run, skip, static_ports, wait_for)

CHOWN, DAC_OVERRIDE, FOWNER, NET_ADMIN, NET_RAW, IPC_LOCK = 0, 1, 3, 12, 13, 14  # capabilities(7)
FOR_PORTS = {CHOWN, DAC_OVERRIDE, FOWNER}
TENANT = 65534  # nobody and nogroup: names are looked up after the start, too


def numbers(hexadecimal):
    bits = int(hexadecimal, 16)
    return {number for number in range(64) if bits >> number & 1}


def confined(weft, kept):
    """Every thread is: workers and the notifier have no capability, the others `kept`."""
    def begun():  # the shell may answer before a worker has come to its first round
        threads = {fields["Name"]: fields for fields in weft.threads().values()}
        return "weft-notifier" in threads and threads.get("weft-w0", {}).get("Seccomp_filters") == "2"
    wait_for(begun, "a worker with a filter of its own, and a notifier")
    for fields in weft.threads().values():
        name = fields["Name"]
        equal(fields["NoNewPrivs"], "1", f"no_new_privs of {name}")
        equal(fields["Seccomp"], "2", f"seccomp mode of {name}")
        equal(int(fields["Seccomp_filters"]), 2 if name.startswith("weft-w") else 1, f"filters of {name}")
        wanted = set() if name.startswith("weft-") else kept
        for field in ("CapEff", "CapPrm"):
            equal(numbers(fields[field]), wanted, f"{field} of {name}")
        for field in ("CapInh", "CapAmb"):
            equal(numbers(fields[field]), set(), f"{field} of {name}")
        if os.geteuid() == 0:
            equal(numbers(fields["CapBnd"]) - kept, set(), f"CapBnd of {name} beyond {kept}")


def root_keeps_what_ports_need():
    """With traffic; ports of tenants come, go and come back after it."""
    require_root()
    with Weftd(ports("web-1", "web-2")) as weft, Pair(weft) as pair:
        confined(weft, FOR_PORTS)
        pair.start()
        pair.wait_frames()
        for _ in range(2):
            # The second time the directory is the tenant's, and closed to all others.
            weft.ctl(f"port add web-3 vhost owner=nobody group=nogroup")
            directory = weft.socket("web-3").parent
            equal((directory.stat().st_uid, weft.socket("web-3").stat().st_uid), (TENANT, TENANT), "owners")
            weft.ctl("port delete web-3")
            directory.chmod(0o700)
        # A reload reads the file, makes a port and takes it away.
        text = weft.config_file.read_text()
        for config, there in ((text + ports("web-4"), True), (text, False)):
            weft.config_file.write_text(config)
            weft.ctl("config apply")
            equal(weft.socket("web-4").exists(), there, "the socket of the port")
        weft.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "says what is there already" in weft.log(), "the reload is logged")
        pair.wait_frames()
        pair.finish()
        confined(weft, FOR_PORTS)


def an_ordinary_user_has_nothing_to_keep():
    user = ordinary_user()
    with Weftd(ports("web-1"), user=user) as weft:
        for fields in weft.threads().values():
            equal((numbers(fields["CapEff"]), fields["NoNewPrivs"], fields["Seccomp"]), (set(), "1", "2"),
                  f"capabilities, no_new_privs and seccomp mode of {fields['Name']}")


def nics_keep_their_rights():
    with Namespace("host", "10.98.0.1/24", mac(9)) as host:
        nic = f'[[port]]\nname = "uplink"\ndpdk = {{ device = "net_af_packet0,iface={host.outside}" }}\n'
        with Weftd(ports("web-1") + nic) as weft:
            confined(weft, FOR_PORTS | {NET_ADMIN, NET_RAW, IPC_LOCK})


def a_nic_that_comes_later():
    """Without a NIC in the file the rights to one are gone, and weftd says so and goes on; or they are kept."""
    with Namespace("host", "10.98.0.1/24", mac(9)) as host:
        add = f"port add uplink dpdk device=net_af_packet0,iface={host.outside}"
        with Weftd(ports("web-1")) as weft:
            reply = weft.request(add)
            equal(reply["ok"], False, "whether the NIC is a port")
            for part in ("needs CAP_NET_RAW and CAP_NET_ADMIN", 'keep-capabilities = ["net-raw", "net-admin"]'):
                equal(part in reply["error"], True, f'"{part}" in {reply["error"]}')
            # Drivers that weft does not know find out by themselves.
            for device in ("net_virtio_user0,path=/dev/vhost-net", "net_tap0"):
                equal(weft.request(f"port add other dpdk device={device}")["ok"], False, f"whether {device} is a port")
            equal(weft.ctl("port add memory dpdk device=net_null0") is None, False, "a reply")
            weft.wait_up("memory")
        with Weftd(ports("web-1"), keys='keep-capabilities = ["net-raw", "net-admin"]') as weft:
            confined(weft, FOR_PORTS | {NET_ADMIN, NET_RAW})
            weft.ctl(add)
            weft.wait_up("uplink")


def huge_pages_come_later_too():
    """DPDK takes more of them when a port's buffers are made, and gives them back."""
    with HugePages(128), Weftd("[dpdk]\neal = []\n" + ports("web-1")) as weft:
        def taken():  # kB
            return int(weft.threads()[weft.pid]["HugetlbPages"].split()[0])
        before = taken()
        weft.ctl("port add memory dpdk device=net_null0 mtu=9000 queues=4")
        most = taken()
        equal(most > before, True, f"whether the buffers are in huge pages: {most} and {before} kB")
        weft.wait_up("memory")
        weft.ctl("port delete memory")
        wait_for(lambda: taken() < most, "huge pages are given back")
        confined(weft, FOR_PORTS)


def memory_that_a_container_truncates():
    """The worker repairs it, which takes a system call; that port is in error, the others lose nothing."""
    with Weftd(static_ports("web-1", "web-2", "web-3", "web-4")) as weft, Pair(weft) as pair, \
         Sleeper(weft.socket("web-3")) as sleeper, \
         Testpmd(weft.socket("web-4"), mac=mac(4), mode="txonly", peer=mac(3)) as sender:
        weft.wait_up("web-3", "web-4")
        pair.start()
        sender.start()
        wait_for(lambda: sleeper.interrupts > 0, "frames to the container")
        sleeper.truncate()
        wait_for(lambda: weft.port("web-3")["state"] == "error", "the port is in error")
        sender.stop()
        pair.wait_frames()
        pair.finish()


def broken_into(keys):
    """weftd whose worker tries to execute a program for each frame of web-1; and its two containers."""
    plugins = BUILD / "tests" / "e2e" / "plugins"
    if not (plugins / "break-out.so").exists():
        skip(f"{plugins}/break-out.so is not built")
    return Weftd(f'[plugins]\ndirectory = "{plugins}"\nload = ["break-out"]\n'
                 + ports("web-1", options="break-out = {}") + ports("web-2"), keys=keys)


def a_worker_executes_nothing():
    with broken_into('sandbox = "on"') as weft, Pair(weft) as pair:
        for container in pair.containers.values():
            container.start(tx_first=1)
        equal(weft.process.wait(60), -signal.SIGABRT, "weftd's end")
        said = "the sandbox ends it: thread weft-w0 made the system call execve"
        equal(said in weft.log(), True, f'"{said}" in the log')


def a_worker_that_is_refused_goes_on():
    with broken_into('sandbox = "refuse"') as weft, Pair(weft) as pair:
        pair.start()
        pair.wait_frames()
        pair.finish()


def it_can_be_off():
    with Weftd(ports("web-1", "web-2"), keys='sandbox = "off"') as weft, Pair(weft) as pair:
        for fields in weft.threads().values():
            equal(fields["Seccomp"], "0", f"seccomp mode of {fields['Name']}")
        pair.start()
        pair.wait_frames()
        pair.finish()
        equal("sandbox: off" in weft.log(), True, "weftd logs that it is")


def refusing_serves_too():
    require_root()
    with Weftd(ports("web-1", "web-2"), keys='sandbox = "refuse"') as weft, Pair(weft) as pair:
        confined(weft, FOR_PORTS)
        pair.start()
        pair.wait_frames()
        pair.finish()


if __name__ == "__main__":
    run(root_keeps_what_ports_need, an_ordinary_user_has_nothing_to_keep, nics_keep_their_rights,
        a_nic_that_comes_later, huge_pages_come_later_too,
        memory_that_a_container_truncates, a_worker_executes_nothing,
        a_worker_that_is_refused_goes_on, it_can_be_off, refusing_serves_too)
