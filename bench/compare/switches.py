# SPDX-License-Identifier: Apache-2.0
"""The switches that are compared. Each is a context manager: it starts the switch with its datapath on
one core and two ports, and takes away what it made, also after a failure. `ports` is what weft-load
attaches to; `prefix` is what its command line begins with. With `nic` the first port is a NIC: DPDK's
net_memif, the same in all of them, whose other end is weft-load."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

PATIENCE = 90  # seconds until a switch has to be there: a guard against hanging


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.05)


def before_others():
    """For a child: it runs before whatever else this machine does, also where the kernel shares cores among
    sessions before it shares them among processes (autogroup). Needs a session of its own."""
    os.nice(-20)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text("-20")


class Switch:
    """What all of them share: a folder, processes, and their end."""
    prefix = []
    takes_nic = True
    by_default = True  # also where nobody has asked for it
    nic_queues = 1  # that a NIC is given to send by

    def __init__(self, name, folder, core, other_core, nic=False):
        self.name, self.core, self.other_core, self.nic = name, core, other_core, nic
        self.folder = pathlib.Path(folder) / name
        self.processes = []
        self.sockets = [str(self.folder / "a.sock"), str(self.folder / "b.sock")]
        self.ports = [f"memif:{self.sockets[0]}" if nic else self.sockets[0], self.sockets[1]]
        # What DPDK calls the NIC: a ring of 2^10 each way.
        self.device = f"net_memif0,role=server,id=0,rsize=10,socket-abstract=no,socket={self.sockets[0]}"

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.pause(False)
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()
        self.processes.clear()
        self.clean()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, argv, environment=None, stdin=subprocess.DEVNULL):
        log = open(self.folder / f"{pathlib.Path(argv[0]).name}.log", "wb")
        with log:
            self.processes.append(subprocess.Popen(
                argv, env={**os.environ, **(environment or {})}, stdin=stdin, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=before_others))
        return self.processes[-1]

    def pause(self, on):
        """Stops or continues its processes, so that its core is free to be measured."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP if on else signal.SIGCONT)

    def sockets_there(self):
        wait_for(lambda: all(pathlib.Path(socket).exists() for socket in self.sockets),
                 f"{self.name}'s sockets; its logs are in {self.folder}")

    def version(self):
        return ""

    def start(self):
        raise NotImplementedError

    def clean(self):
        pass


class Weft(Switch):
    build = None  # where weftd is

    def start(self):
        kinds = [f'vhost = {{ socket = "{socket}" }}' for socket in self.sockets]
        if self.nic:
            kinds[0] = f'dpdk = {{ device = "{self.device}" }}'
        ports = "".join(f'[[port]]\nname = "{name}"\nbridge = "default"\nmtu = {1500 if self.nic else 9000}\n'
                        f'{kind}\n' for name, kind in zip("ab", kinds))
        config = self.folder / "weft.conf"
        config.write_text(f'[weft]\nruntime-dir = "{self.folder}/run"\n[workers]\n'
                          f'cores = [{self.core}]\nidle = "poll"\n[[bridge]]\nname = "default"\n{ports}')
        self.spawn([str(self.build / "weftd"), str(config)])
        self.sockets_there()

    def version(self):
        return subprocess.run([Weft.build / "weftd", "--version"], capture_output=True,
                              text=True).stdout.strip()


class OvsDpdk(Switch):
    """Open vSwitch with its userspace datapath; its NORMAL action learns MAC addresses."""
    nic_queues = 2  # the main thread's and the datapath's
    program = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"

    def environment(self):
        return {name: str(self.folder) for name in
                ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")}

    def vsctl(self, *words):
        subprocess.run(["ovs-vsctl", f"--db=unix:{self.folder}/db.sock", "--timeout=30", *words],
                       check=True, capture_output=True, env={**os.environ, **self.environment()})

    def start(self):
        database = self.folder / "conf.db"
        subprocess.run(["ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema"],
                       check=True, capture_output=True)
        self.spawn(["ovsdb-server", str(database), f"--remote=punix:{self.folder}/db.sock"],
                   self.environment())
        wait_for((self.folder / "db.sock").exists, "ovsdb-server")
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   f"other_config:dpdk-lcore-mask={1 << self.core:#x}",
                   f"other_config:pmd-cpu-mask={1 << self.core:#x}",
                   "other_config:dpdk-socket-mem=512")
        self.spawn([self.program, f"unix:{self.folder}/db.sock"], self.environment())
        self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        containers = self.sockets
        if self.nic:
            containers = self.sockets[1:]
            self.vsctl("add-port", "br0", "nic0", "--", "set", "Interface", "nic0", "type=dpdk",
                       f'options:dpdk-devargs="{self.device}"')
        # Its sockets' names are those of the ports, in its run directory.
        for socket in containers:
            name = pathlib.Path(socket).name
            self.vsctl("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdkvhostuser")
        self.sockets_there()

    def version(self):
        text = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout
        return text.splitlines()[0].replace("ovs-vswitchd (Open vSwitch)", "Open vSwitch")


class Testpmd(Switch):
    """DPDK's own forwarder over librte_vhost: no switching, no learning, port 0 to 1 and back."""

    def start(self):
        vdevs = [f"--vdev=net_vhost{i},iface={socket}" for i, socket in enumerate(self.sockets)]
        if self.nic:
            vdevs[0] = f"--vdev={self.device}"
        self.spawn(["dpdk-testpmd", f"--lcores={self.other_core},{self.core}",
                    f"--main-lcore={self.other_core}", "--in-memory", "--no-pci", "-m", "512", *vdevs,
                    "--", "--forward-mode=io", "-i", "--auto-start", "--no-mlockall"],
                   stdin=subprocess.PIPE)
        self.sockets_there()

    def version(self):
        text = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "dpdk-dev"],
                              capture_output=True, text=True).stdout
        return f"DPDK {text}"


class LinuxBridge(Switch):
    """The kernel's bridge with a veth for each container, in a namespace of our own."""
    takes_nic = False

    def __init__(self, name, folder, core, other_core, nic=False):
        super().__init__(name, folder, core, other_core, nic)
        self.namespace = f"weft-compare-{os.getpid()}-{name}"
        self.prefix = ["ip", "netns", "exec", self.namespace]
        self.ports = ["if:a0", "if:b0"]

    def ip(self, *words):
        subprocess.run(["ip", "-n", self.namespace, *words], check=True, capture_output=True)

    mtu = 9000

    def start(self):
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        for end in "ab":
            self.ip("link", "add", f"{end}0", "mtu", str(self.mtu), "type", "veth", "peer", "name", f"{end}1")
            self.ip("link", "set", f"{end}1", "mtu", str(self.mtu), "up")
            self.ip("link", "set", f"{end}0", "up")
        self.join()

    def join(self):
        """Makes a switch of a1 and b1."""
        self.ip("link", "add", "br0", "type", "bridge")
        self.ip("link", "set", "br0", "up")
        for end in "ab":
            self.ip("link", "set", f"{end}1", "master", "br0")
        time.sleep(0.5)  # for the bridge to forward on new ports

    def clean(self):
        subprocess.run(["ip", "netns", "delete", self.namespace], stderr=subprocess.DEVNULL)

    def version(self):
        return f"Linux {os.uname().release}"


class WeftOnVeths(LinuxBridge):
    """weft between the same veths, by a kind of port that takes an interface of the kernel's."""
    by_default = False
    mtu = 1500

    def join(self):
        ports = "".join(f'[[port]]\nname = "{end}"\n{self.kind(end)}\n' for end in "ab")
        config = self.folder / "weft.conf"
        config.write_text(f'[weft]\nruntime-dir = "{self.folder}/run"\n[workers]\ncores = [{self.core}]\n'
                          f'idle = "poll"\n[plugins]\nload = {self.plugins}\n[dpdk]\neal = ["--no-huge"]\n{ports}')
        self.spawn([*self.prefix, str(Weft.build / "weftd"), str(config)])
        wait_for(self.is_up, f"{self.name}'s ports; its logs are in {self.folder}")

    def is_up(self):
        shell = [Weft.build / "weftctl", "-s", self.folder / "run" / "control.sock", "--json", "show", "ports"]
        shown = subprocess.run(shell, capture_output=True, text=True)
        return shown.returncode == 0 and [row["state"] for row in json.loads(shown.stdout)] == ["up", "up"]

    def version(self):
        return Weft.version(self)


class WeftAfXdp(WeftOnVeths):
    plugins = ["af-xdp"]

    def kind(self, end):
        return f'af-xdp = {{ interface = "{end}1" }}'


class WeftAfPacket(WeftOnVeths):
    plugins = []

    def kind(self, end):
        return f'dpdk = {{ device = "net_af_packet{"ab".index(end)},iface={end}1" }}'


ALL = {"weft-af-xdp": WeftAfXdp, "weft-af-packet": WeftAfPacket, "weft": Weft, "ovs-dpdk": OvsDpdk, "testpmd-io": Testpmd, "linux-bridge": LinuxBridge}
