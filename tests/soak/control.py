# SPDX-License-Identifier: Apache-2.0
"""Rows in which people change what there is: ports, sockets, startup.conf."""
import contextlib
import os
import pathlib
import signal
import socket
import stat

import scene
from front_end import Guest
from scene import e2e
import reload_test


def ports_come_and_go(tally, count, stage, dice):
    """Ports are added and deleted while the victims send; every tenth time with a container in it."""
    weft = stage.weft

    def one(turn):
        weft.ctl(f"port add brief vhost bridge=default mac={e2e.mac(9)}")
        if turn % 10 == 0:
            with Guest(weft.socket("brief"), 9, 1) as guest:
                guest.attach()
                weft.ctl("port delete brief")
                e2e.wait_for(guest.gone, "the container of a port that went hears of it")
        else:
            weft.ctl("port delete brief")
        e2e.equal(weft.socket("brief").exists(), False, "the socket of a port that went")
    for turn in range(max(150, count // 10)):  # memory that is kept for the next port, and full logs in memory
        one(turn)
    with stage.flat_memory(tally):
        for turn in range(count):
            with tally.case():
                one(turn)
        stage.settle("ports that went")


class _Place:
    """A path where a port's socket is to be, and something is there already."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "vhost.sock"

    def clear(self):
        for path in self.folder.iterdir():
            path.unlink() if not path.is_dir() or path.is_symlink() else path.rmdir()


def _what_is_in_the_way(stack):
    """{what: (how to put it there, whether weft may take its place)}"""
    def file(place):
        place.path.write_text("precious")

    def directory(place):
        place.path.mkdir()

    def link_to_file(place):
        (place.folder / "precious").write_text("precious")
        place.path.symlink_to(place.folder / "precious")

    def link_to_nothing(place):
        place.path.symlink_to(place.folder / "nothing")

    def fifo(place):
        os.mkfifo(place.path)

    def live(place):
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(place.path))
        listener.listen(1)

    def dead(place):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place.path))

    def foreign(place):
        dead(place)
        os.chown(place.path, 65534, 65534)

    return {"a file": (file, False), "a directory": (directory, False), "a link": (link_to_file, False),
            "a link to nothing": (link_to_nothing, False), "a pipe": (fifo, False),
            "somebody's live socket": (live, False), "a dead socket": (dead, True),
            "another user's dead socket": (foreign, False)}


def _snapshot(folder):
    return sorted((path.name, path.lstat().st_ino, stat.S_IFMT(path.lstat().st_mode),
                   path.read_text() if path.is_file() else "") for path in folder.iterdir())


def sockets_in_the_way(tally, count, stage, dice):
    """Where a port's socket is to be there is something: what is not ours stays as it is."""
    weft, folder = stage.weft, pathlib.Path(stage.weft.scratch) / "places"
    for _ in range(count):
        with contextlib.ExitStack() as stack:
            for what, (put, may) in _what_is_in_the_way(stack).items():
                with tally.case():
                    folder.mkdir(exist_ok=True)
                    place = _Place(folder)
                    place.clear()
                    put(place)
                    before = _snapshot(folder)
                    reply = weft.request(f"port add squat vhost socket={place.path}")
                    e2e.equal(reply["ok"], may, f"a port where there is {what}: {reply}")
                    if may:
                        weft.ctl("port delete squat")
                        e2e.equal(place.path.exists(), False, "the socket of a port that went")
                    else:
                        e2e.equal(str(place.path) in reply["error"], True, f"{reply} names the path")
                        e2e.equal(_snapshot(folder), before, f"what was there instead of a socket: {what}")
            place.clear()
        longest = 107  # sun_path has 108 bytes with the one that ends it (unix(7))
        for length, may in ((longest, True), (longest + 1, False), (4096, False)):
            with tally.case():
                path = str(folder) + "/" + "x" * (length - len(str(folder)) - 1)
                reply = weft.request(f"port add long vhost socket={path}")
                e2e.equal(reply["ok"], may, f"a socket's path of {length} characters: {reply}")
                if may:
                    weft.ctl("port delete long")
        e2e.equal(list(folder.iterdir()), [], "what is left")
    stage.settle("sockets in the way")


def reloads(tally, count, dice):
    """startup.conf changes at random, and is wrong as often as not."""
    with scene.Scene(reload_test.HEAD) as stage, stage.watch(tally):
        weft, conf = stage.weft, reload_test.StartupConf(stage.weft)
        before, expected = reload_test.details(weft), {}
        text = ""
        for turn in range(count):
            with tally.case():
                (spare, details), by_signal = reload_test.spare_ports(dice), dice.random() < 0.5
                if dice.random() < 0.5:
                    wrong = dice.choice(list(reload_test.BAD))
                    wrong_ports = spare + (wrong if wrong != e2e.ports("web-1") else e2e.ports("victim-a"))
                    if by_signal:
                        refusals = weft.log().count("reload: refused")
                        conf.write(wrong_ports)
                        weft.process.send_signal(signal.SIGHUP)
                        e2e.wait_for(lambda: weft.log().count("reload: refused") > refusals, "a refusal",
                                     interval=0.002)
                    else:
                        conf.refused(wrong_ports, f"{weft.config_file}:", reload_test.BAD[wrong])
                else:
                    text, expected = spare, details
                    if by_signal:
                        conf.write(text)
                        weft.process.send_signal(signal.SIGHUP)
                    else:
                        conf.apply(text)
                e2e.wait_equal(lambda: reload_test.details(weft), {**before, **expected}, f"ports of turn {turn}")
        conf.apply("")


def nic_comes_and_goes(tally, count, dice):
    """The kernel's interface under a NIC port is deleted and made again."""
    with e2e.Namespace("soak") as host:
        nic = (f'[[port]]\nname = "uplink"\nbridge = "default"\nmac = "{e2e.mac(9)}"\n'
               f'dpdk = {{ device = "net_af_packet0,iface={host.outside}" }}\n')
        with scene.Scene(nic) as stage, stage.watch(tally):
            for _ in range(count):
                with tally.case():
                    stage.weft.wait_up("uplink")
                    host.unplug()
                    e2e.wait_for(lambda: "there is no network interface" in stage.weft.port("uplink")["reason"],
                                 "the device is closed")
                    begin = scene.now()
                    host.plug()
                    stage.weft.wait_up("uplink")
                    tally.outage("an interface is back until its port is up", scene.now() - begin)
