# SPDX-License-Identifier: Apache-2.0
"""Rows in which weftd itself is killed or stands still."""
import signal
import time

import scene
from child import Child, say
from containers import meet
from front_end import Guest
from scene import HOSTS, e2e

AGAIN = 0.5  # seconds from a kill until weftd forwards again


def _two_that_listen(sockets):
    """Two containers that live on when weft goes: they wait for it, go on where they were, and tell how
    long it was from a frame to the next."""
    def work(line):
        one, two = (Guest(path, number, peer, listen=True)
                    for path, number, peer in zip(sockets, HOSTS, reversed(HOSTS)))
        last = None
        while True:
            for guest in (one, two):
                guest.attach()
            first = meet(one, two)
            say(line, {"gap": 0 if last is None else first - last})
            # In a burst, whenever it is that weft goes. What is lost then is lost, and what had come without
            # its sender being told comes again; nothing is damaged.
            begin, told = one.received + two.received, False
            while not (one.gone() or two.gone()):
                for guest, other in ((one, two), (two, one)):
                    guest.send(16)
                    if other.receive():
                        last = time.monotonic()
                if not told and one.received + two.received > begin + 100:
                    told = True
                    say(line, "sends")
            one.receive()
            two.receive()
            say(line, {"corrupt": one.corrupt + two.corrupt, "foreign": one.foreign + two.foreign,
                       "more than a ring again": max(one.repeated, two.repeated) > one.transmit_ring.size})
            one.repeated = two.repeated = 0
    return work


def weftd_killed(tally, count, dice):
    """Containers that listen live on; a new weftd takes up their rings where they were."""
    with e2e.Weftd(scene.config()) as weft, \
         Child(_two_that_listen([weft.socket("host-a"), weft.socket("host-b")])) as hosts:
        hosts.told()
        for _ in range(count):
            with tally.case():
                e2e.equal(hosts.told(), "sends", "what the containers do")
                time.sleep(dice.random() * 0.01)
                weft.kill()
                e2e.equal(hosts.told(), {"corrupt": 0, "foreign": 0, "more than a ring again": False},
                          "what a kill did to frames")
                weft.start()
                tally.outage("a frame until the next, over a kill", hosts.told()["gap"], AGAIN)


def weftd_stopped(tally, count, stage, dice):
    """weftd stands still; nobody loses a frame, for the rings hold them."""
    for _ in range(count):
        with tally.case():
            stage.weft.process.send_signal(signal.SIGSTOP)
            try:
                time.sleep(dice.random() * 0.2)
            finally:
                stage.weft.process.send_signal(signal.SIGCONT)
            before = stage.victims.counts()["received"]
            e2e.wait_for(lambda: stage.victims.counts()["received"] > before, "the victims go on")
