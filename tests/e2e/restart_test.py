# SPDX-License-Identifier: Apache-2.0
"""weftd goes, killed or in good order, and comes back; containers that listen live on."""
import signal

from weft_e2e import Pair, Testpmd, Weftd, equal, mac, ports, run, wait_for

KILLS = 5


def listening(*names):
    """The [[port]] tables of containers that listen; weft connects, and reconnects."""
    return ports(*names).replace('"weft"', '"container"')


def killed_under_traffic():
    with Weftd(listening("web-1", "web-2")) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), peer=mac(2), mode="txonly", server=True) as sender, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly", server=True) as receiver:
        pids = sender.pid, receiver.pid
        weft.wait_up("web-1", "web-2")
        receiver.start()
        sender.start()

        def wait_frames(what):
            before = receiver.stats()["rx-packets"]
            wait_for(lambda: receiver.stats()["rx-packets"] > before + 1000, what)
        wait_frames("the first frames")
        for turn in range(1, KILLS + 1):
            weft.kill()
            weft.start()
            # Nobody tells the containers anything.
            wait_frames(f"frames after kill {turn}")
        sender.stop()
        receiver.stop()
        # What was under way at a kill may have come twice or not at all, but never as something else.
        stats = receiver.stats()
        equal(stats["rx-bytes"], 64 * stats["rx-packets"], "bytes of frames of 64")
        equal(stats["rx-errors"], 0, "errors")
        equal((sender.alive(), receiver.alive(), sender.pid, receiver.pid), (True, True, *pids),
              "containers that lived through it")


def killed_at_rest():
    """The rings go on where they were: nothing comes again, and nothing is lost."""
    with Weftd(listening("web-1", "web-2")) as weft, Pair(weft, server=True) as pair:
        for _ in range(3):
            pair.start()
            pair.wait_frames()
            pair.finish()
            weft.kill()
            weft.start()
            weft.wait_up(*pair.names)
        pair.start()
        pair.wait_frames()
        account = pair.finish()
        for name in pair.names:
            equal(weft.port(name)["rx-packets"], account.sent[name], f"all frames that {name} has given")


def ended_in_good_order():
    with Weftd(ports("web-1") + listening("web-2")) as weft, \
         Testpmd(weft.socket("web-1"), mac=mac(1), peer=mac(2), mode="txonly") as connects, \
         Testpmd(weft.socket("web-2"), mac=mac(2), mode="rxonly", server=True) as listens:
        weft.wait_up("web-1", "web-2")
        listens.start()
        connects.start()
        for number, turn in ((signal.SIGTERM, 1), (signal.SIGINT, 2)):
            wait_for(lambda: weft.port("web-2")["state"] == "up", f"the container that listens, life {turn}")
            weft.process.send_signal(number)
            equal(weft.process.wait(60), 0, f"exit status after {number.name}")
            equal((weft.runtime_dir / "control.sock").exists(), False, "the control socket is there")
            equal(weft.socket("web-1").exists(), False, "weft's own socket is there")
            equal(weft.socket("web-2").exists(), True, "the container's socket is there")
            log = weft.log()
            told = [part for part in ("ready; the shell is: weftctl -s", "port web-2: up, rings of 256",
                                      "weftd: draining", "weftd: stopped")
                    if part not in log]
            equal(told, [], f"what the log does not say, of:\n{log}")
            weft.start()
        weft.wait_up("web-2")
        equal(connects.alive() and listens.alive(), True, "both containers live")


if __name__ == "__main__":
    run(killed_under_traffic, killed_at_rest, ended_in_good_order)
