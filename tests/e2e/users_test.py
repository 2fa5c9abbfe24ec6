# SPDX-License-Identifier: Apache-2.0
"""No root, no huge pages, and more than one weftd on a machine."""
import os
import stat

from weft_e2e import Pair, Weftd, equal, mac, ordinary_user, ports, run, skip


def an_ordinary_user():
    user = ordinary_user()
    with Weftd(ports("web-1", "web-2"), user=user) as weft, Pair(weft, user=user) as pair:
        me = os.geteuid() if user is None else user
        status = open(f"/proc/{weft.pid}/status").read()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        equal(fields["Uid"].split(), 4 * [str(me)], "weftd's uids")
        equal(int(fields["CapEff"], 16), 0, "weftd's capabilities")
        pair.start()
        pair.wait_frames(10_000)
        pair.finish()
        equal(weft.ctl("show port web-1")["peer-uid"], me, "the container's uid")
        for path, mode in ((weft.runtime_dir, 0o700), (weft.socket("web-1").parent, 0o750),
                           (weft.socket("web-1"), 0o660), (weft.runtime_dir / "control.sock", 0o600)):
            found = path.stat()
            equal((found.st_uid, oct(stat.S_IMODE(found.st_mode))), (me, oct(mode)),
                  f"owner and mode of {path}")


def a_user_without_the_right_to_a_nic():
    user = ordinary_user()
    if user is None:
        skip("needs root, to become somebody else")
    nic = '[[port]]\nname = "tap"\ndpdk = { device = "net_tap0,iface=weft-none" }\n'
    try:
        with Weftd(ports("web-1") + nic, user=user):
            pass
    except AssertionError as error:
        for part in ('port "tap"', "needs CAP_NET_RAW and CAP_NET_ADMIN", "run weftd as root"):
            equal(part in str(error), True, f'"{part}" in {error}')
    else:
        raise AssertionError("weftd made a TAP without any right to")


def two_side_by_side():
    config = ports("web-1", "web-2")
    with Weftd(config) as first, Weftd(config) as second, \
         Pair(first) as one, Pair(second, numbers=(3, 4)) as other:
        one.start()
        other.start()
        one.wait_frames()
        other.wait_frames()
        # The one stays while the other goes.
        equal(sorted(second.addresses()), [mac(3), mac(4)], "what the second has learned")
        other.finish()
        second.stop()
        one.wait_frames()
        one.finish()
        equal(sorted(first.addresses()), [mac(1), mac(2)], "what the first has learned")


if __name__ == "__main__":
    run(an_ordinary_user, a_user_without_the_right_to_a_nic, two_side_by_side)
