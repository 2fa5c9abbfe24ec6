# SPDX-License-Identifier: Apache-2.0
"""The load generator as two containers: every byte, every frame, every flow in order."""
import json
import subprocess

from weft_e2e import BUILD, Weftd, at_least, equal, ports, run, skip

SECONDS = 1.0  # of sending; what is asserted does not depend on it


def verified(size, *flags, rate=20_000):
    """What weft-load found out about frames both ways, and what weft dropped meanwhile."""
    if not (BUILD / "weft-load").exists():
        skip("weft-load is not built here")
    with Weftd(ports("web-1", "web-2", options="mtu = 9000")) as weft:
        result = subprocess.run(
            [BUILD / "weft-load", "--work=verify", f"--size={size}", f"--rate={rate}",
             f"--seconds={SECONDS}", *flags, weft.socket("web-1"), weft.socket("web-2")],
            capture_output=True, text=True, timeout=120)
        equal((result.returncode, result.stderr), (0, ""), f"weft-load with frames of {size}")
        total = json.loads(result.stdout)["total"]
        drops = weft.drops()
    at_least(total["received"], 1, f"frames of {size} that arrived")
    for fault in ("corrupt", "duplicate", "reordered"):
        equal(total[fault], 0, f"{fault} frames of {size}")
    equal(total["lost"], sum(drops.values()), f"lost frames of {size}, and those with a reason {drops}")
    equal(total["sent"], total["received"] + total["lost"], f"account of frames of {size}")


def every_byte_of_every_size():
    for size in (64, 512, 1500, 9000):
        verified(size, rate=5_000)


def many_flows_and_sizes_keep_their_order():
    verified("imix", "--flows=64")


def flat_out_what_is_lost_has_a_reason():
    verified("64,1500", "--flows=8", rate=0)


if __name__ == "__main__":
    run(every_byte_of_every_size, many_flows_and_sizes_keep_their_order,
        flat_out_what_is_lost_has_a_reason)
