# SPDX-License-Identifier: Apache-2.0
"""What happened, as the shell tells it afterwards."""
import datetime
import socket

from weft_e2e import Testpmd, Weftd, equal, mac, ports, run, wait_equal, wait_for


TURNS = 100


def events(weft, words=""):
    """[(event, port, details, count)]"""
    return [(row["event"], row["port"], row["details"], row["count"]) for row in weft.ctl(f"show events {words}")]


def a_day_of_a_port():
    before = datetime.datetime.now().astimezone() - datetime.timedelta(milliseconds=1)
    with Weftd('[plugins]\nload = ["mac-guard"]\n' + ports("web-1")) as weft:
        plugin, added, started = events(weft)
        equal((plugin[0], plugin[2].split()[0]), ("plugin-loaded", "mac-guard"), "the first event")
        equal(added, ("port-added", "web-1", "kind vhost, bridge default", 1), "the second")
        equal((started[0], started[1], started[2].split()[0]), ("started", None, "weftd"), "the third")
        with Testpmd(weft.socket("web-1"), mac=mac(1), mode="rxonly") as container:
            weft.wait_up("web-1")
            container.kill()
            wait_equal(lambda: events(weft, "port web-1")[1:],
                       [("port-up", "web-1", "", 1), ("port-down", "web-1", "no container is connected", 1)],
                       "a container that comes and goes")
        with socket.socket(socket.AF_UNIX) as liar:
            liar.connect(str(weft.socket("web-1")))
            liar.sendall(bytes([255]) * 12)
            wait_for(lambda: events(weft, "last 1")[0][:2] == ("port-error", "web-1"), "a lie is an event")
        equal(events(weft, "last 1")[0][2], weft.ctl("show port web-1")["reason"], "why")
        text = weft.config_file.read_text()
        weft.config_file.write_text(text + ports("web-2"))
        weft.ctl("config apply")
        weft.config_file.write_text(text + ports("web-2", options="mtu = 1"))
        equal(weft.request("config apply")["ok"], False, "a file with a mistake")
        weft.ctl("port delete web-2")
        added, applied, refused, deleted = events(weft, "last 4")
        equal(added[:2], ("port-added", "web-2"), "the new port")
        equal(applied, ("config-applied", None, "add port web-2", 1), "the reload")
        equal((refused[0], "mtu: 1 is out of range" in refused[2]), ("config-refused", True), f"{refused}")
        equal(deleted, ("port-deleted", "web-2", "", 1), "the end of the port")

        times = [datetime.datetime.fromisoformat(row["time"]) for row in weft.ctl("show events")]
        equal(times, sorted(times), "their order")
        equal(before <= times[0] and times[-1] <= datetime.datetime.now().astimezone(), True, f"their times {times}")
        equal("port-deleted" in weft.weftctl("show", "events").stdout, True, "weftctl show events")
        logged = [row["message"] for row in weft.ctl("show log last 2")]
        equal((logged[-1], len(logged)), ("port web-2: deleted", 2), "show log last 2")
        equal([line.split(": ", 1)[1] for line in weft.log().splitlines()[-2:]], logged, "the log itself")
        weft.ctl("clear events")
        equal(events(weft), [], "events after clear")


def a_tenant_that_reconnects_all_the_time():
    """Its events do not push out those of others."""
    with Weftd(ports("web-1", "bad")) as weft:
        at_start = [row for row in events(weft) if row[1] != "bad"]
        for _ in range(TURNS):
            wait_for(lambda: weft.port("bad")["state"] in ("down", "error"), "the port takes the next connection")
            with socket.socket(socket.AF_UNIX) as liar:
                liar.connect(str(weft.socket("bad")))
                liar.sendall(bytes([255]) * 12)
                liar.settimeout(60)
                while True:
                    try:
                        if not liar.recv(100):
                            break
                    except ConnectionResetError:
                        break
        wait_for(lambda: sum(row[3] for row in events(weft, "port bad") if row[0] == "port-error") == TURNS,
                 "each of its errors is counted")
        equal([row for row in events(weft) if row[1] != "bad"], at_start, "events of others")
        equal(len(events(weft)) < TURNS, True, f"what repeats is folded: {len(events(weft))} events")


if __name__ == "__main__":
    run(a_day_of_a_port, a_tenant_that_reconnects_all_the_time)
