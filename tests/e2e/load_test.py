# SPDX-License-Identifier: Apache-2.0
"""The load generator as two containers: every byte, every frame, every flow in order."""
import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

from weft_e2e import (BUILD, Weftd, at_least, equal, floating_lcores, ports, require_program, run, skip,
                      wait_for)
from stage.process import Process

SECONDS = 1.0  # of sending; what is asserted does not depend on it


def load(size, *flags, rate, sockets):
    """What weft-load found out about frames both ways: none may be damaged, doubled or overtaken."""
    if not (BUILD / "weft-load").exists():
        skip("weft-load is not built here")
    result = subprocess.run(
        [BUILD / "weft-load", "--work=verify", f"--size={size}", f"--rate={rate}", f"--seconds={SECONDS}",
         *flags, *sockets], capture_output=True, text=True, timeout=120)
    equal((result.returncode, result.stderr), (0, ""), f"weft-load with frames of {size}")
    total = json.loads(result.stdout)["total"]
    at_least(total["received"], 1, f"frames of {size} that arrived")
    for fault in ("corrupt", "duplicate", "reordered"):
        equal(total[fault], 0, f"{fault} frames of {size}")
    equal(total["sent"], total["received"] + total["lost"], f"account of frames of {size}")
    return total


def verified(size, *flags, rate=20_000):
    """Through weft, where what is lost has a reason."""
    with Weftd(ports("web-1", "web-2", options="mtu = 9000")) as weft:
        total = load(size, *flags, rate=rate, sockets=[weft.socket("web-1"), weft.socket("web-2")])
        drops = weft.drops()
    equal(total["lost"], sum(drops.values()), f"lost frames of {size}, and those with a reason {drops}")


@contextlib.contextmanager
def dpdk_back_end():
    """Two sockets of DPDK's own vhost back-end, which forwards between them; it does packed rings."""
    require_program("dpdk-testpmd")
    with tempfile.TemporaryDirectory(prefix="weft-e2e-") as folder:
        sockets = [pathlib.Path(folder) / f"{name}.sock" for name in "ab"]
        process = Process("dpdk-testpmd", [
            "dpdk-testpmd", "--lcores", floating_lcores(2), "--no-pci", "--no-huge", "-m", "128",
            "--no-telemetry", "--no-shconf", f"--file-prefix=weft-{os.getpid()}-vhost",
            *(f"--vdev=net_vhost{i},iface={socket}" for i, socket in enumerate(sockets)),
            "--", "-i", "--auto-start", "--no-mlockall", "--total-num-mbufs=8192", "--forward-mode=io"],
            {"XDG_RUNTIME_DIR": folder}, stdin=subprocess.PIPE)
        try:
            wait_for(lambda: all(socket.exists() for socket in sockets) or not process.alive(),
                     "the back-end's sockets")
            yield sockets
        except BaseException:
            process.report()
            raise
        finally:
            process.kill()
            process.popen.stdin.close()


def every_byte_of_every_size():
    for size in (64, 512, 1500, 9000):
        verified(size, rate=5_000)


def many_flows_and_sizes_keep_their_order():
    verified("imix", "--flows=64")


def flat_out_what_is_lost_has_a_reason():
    verified("64,1500", "--flows=8", rate=0)


def packed_rings_of_the_generator_suit_dpdk():
    for ring in ("packed", "packed-in-order"):
        with dpdk_back_end() as sockets:
            load("imix", f"--ring={ring}", "--flows=64", rate=20_000, sockets=sockets)
            load("64,1500", f"--ring={ring}", "--ring_size=64", rate=0, sockets=sockets)


def a_nic_and_a_container():
    """The generator is the other end of a net_memif device, which takes every frame that it has room for."""
    with tempfile.TemporaryDirectory(prefix="weft-e2e-") as folder:
        nic = f"net_memif0,role=server,id=0,rsize=10,socket-abstract=no,socket={folder}/nic.sock"
        with Weftd(ports("web-1") + f'[[port]]\nname = "nic"\nbridge = "default"\n'
                   f'dpdk = {{ device = "{nic}" }}\n') as weft:
            total = load("imix", "--flows=8", rate=20_000,
                         sockets=[f"memif:{folder}/nic.sock", weft.socket("web-1")])
            # What the first frames meet: a bridge of which one end is not up yet.
            drops = weft.drops()
    equal(total["lost"], sum(drops.values()), f"lost frames, and those with a reason {drops}")


if __name__ == "__main__":
    run(every_byte_of_every_size, many_flows_and_sizes_keep_their_order,
        flat_out_what_is_lost_has_a_reason, packed_rings_of_the_generator_suit_dpdk,
        a_nic_and_a_container)
