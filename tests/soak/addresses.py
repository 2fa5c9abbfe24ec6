# SPDX-License-Identifier: Apache-2.0
"""The row in which containers speak with addresses that are not theirs: by the million, a neighbour's, each other's.

A static address is its port's alone. A learned one belongs to who spoke last, of those that may learn; so the thieves
of learned addresses are ports that may not: with a `mac` of their own, or behind mac-guard.
"""
import contextlib
import itertools
import struct

import scene
from child import Victims
from front_end import NET_HEADER, Guest, address, pause
from scene import VICTIMS, e2e

LEARNED = (7, 8)  # victims whose addresses weft learns
SOURCE_AT = NET_HEADER + 6
MANY = 0x02_0F_00_00_00_00  # a million addresses from here on are nobody's
LIMIT = 64  # `mac-limit` where none is given
PLACES = 131_072  # of the table of all bridges: twice as many as the addresses that always find one
NEIGHBOURS = 32  # addresses that two ports take from each other: fewer than each may learn

SPEAKERS = {  # port: (number, its options)
    "sink": (0x10, f'mac = "{e2e.mac(0x10)}"'),  # to whom they all speak, so that nothing need be flooded
    "capped": (0x11, ""),
    "open": (0x12, "mac-limit = 1048576"),
    "own": (0x13, f'mac = "{e2e.mac(0x13)}"'),
    "guarded": (0x14, f'mac-guard = {{ allow = "{e2e.mac(0x14)}" }}'),
    "other": (0x15, ""),
}


def _config():
    text = f'[plugins]\ndirectory = "{e2e.BUILD / "plugins"}"\nload = ["mac-guard"]\n'
    return text + e2e.ports("victim-c", "victim-d") + "".join(
        e2e.ports(name, options=options) for name, (_, options) in SPEAKERS.items())


class Speaker(Guest):
    """A container that speaks with any source. Every frame that is not to its own address is foreign to it."""

    def __init__(self, path, number, peer):
        super().__init__(path, number, peer)
        self._own = address(number)

    def take(self, frame):
        self.foreign += frame[:6] != self._own

    def speak(self, sources):
        """One frame from each of these (numbers of 48 bits), and until weft has taken them all."""
        ring, sources = self.transmit_ring, iter(sources)
        while batch := list(itertools.islice(sources, self._wait_room(1))):
            for i, source in enumerate(batch):
                struct.pack_into(">HI", self.memory, ring.buffer(ring.offered + i) + SOURCE_AT, source >> 32,
                                 source & 0xFFFFFFFF)
            ring.offer(len(batch))
            self.sent += len(batch)
            self.kick()
        self._wait_room(ring.size)

    def _wait_room(self, least):
        while self.room() < least:
            pause()
            self.receive()
        return self.room()


class Speakers:
    """All of them, attached; and what weft says of their frames."""

    def __init__(self, weft, stack):
        self._weft = weft
        self._all = {name: stack.enter_context(Speaker(weft.socket(name), number, SPEAKERS["sink"][0]))
                     for name, (number, _) in SPEAKERS.items()}
        for one in self._all.values():
            one.attach()
        weft.wait_up(*self._all)

    def speak(self, name, sources):
        """What became of the frames: {reason: how many were dropped at l2-switch or mac-guard}, and under None those
        that were not."""
        before, taken, sent = self._drops(name), self._weft.port(name)["rx-packets"], self._all[name].sent
        self._all[name].speak(sources)
        sent = self._all[name].sent - sent
        e2e.wait_equal(lambda: self._weft.port(name)["rx-packets"] - taken, sent, f"frames that weft took of {name}")
        self._all["sink"].receive()
        dropped = {reason: count - before.get(reason, 0) for reason, count in self._drops(name).items()
                   if count != before.get(reason, 0)}
        return {**dropped, None: sent - sum(dropped.values())}

    def _drops(self, name):
        return {reason: count for (port, node, reason), count in self._weft.drops().items()
                if port == name and node in ("l2-switch", "mac-guard")}

    def foreign(self):
        """Frames to others that one of them got to see."""
        for one in self._all.values():
            while one.receive():
                pass
        return sum(one.foreign for one in self._all.values())


def _number(octets):
    return int.from_bytes(octets, "big")


def _learned_on(weft, name):
    return sum(port == name for port in weft.addresses().values())


def _flood(tally, weft, speakers, count):
    """As many addresses as there are: a port learns its limit, or until the table is full."""
    for name, reason, limit in (("capped", "mac-limit", LIMIT), ("open", "table-full", PLACES)):
        with tally.case():
            came = speakers.speak(name, range(MANY, MANY + count))
            learned = _learned_on(weft, name)
            e2e.equal(learned <= limit, True, f"{learned} addresses learned on {name}, of {limit} that it may")
            # Those that `open` speaks with and `capped` has already move.
            e2e.equal(came, {None: came[None], **({reason: count - came[None]} if came[None] < count else {})},
                      f"what became of {count} frames of {name}")
            e2e.equal(came[None], learned, f"frames of {name} that went on, and addresses learned on it")


def _theft(tally, speakers, count):
    """Static addresses from each port, learned ones from those that may not learn."""
    victims = {"static": VICTIMS, "learned": LEARNED}
    for name, of, reason in (("capped", "static", "stolen-source"), ("open", "static", "stolen-source"),
                             ("own", "static", "stolen-source"), ("own", "learned", "mac-limit"),
                             ("guarded", "static", "spoofed"), ("guarded", "learned", "spoofed")):
        with tally.case():
            sources = itertools.islice(itertools.cycle([_number(address(victim)) for victim in victims[of]]), count)
            e2e.equal(speakers.speak(name, sources), {None: 0, reason: count}, f"a {of} address that {name} steals")


def _storm(tally, weft, speakers, count):
    """Two ports that may learn take the same addresses from each other."""
    def moves():
        return sum(row["count"] for row in weft.ctl("show counters")
                   if (row["node"], row["counter"]) == ("l2-switch", "moved"))
    with tally.case():
        addresses = range(MANY, MANY + NEIGHBOURS)
        turns = max(2, count // NEIGHBOURS)
        before = moves()
        for turn in range(turns):
            e2e.equal(speakers.speak(("capped", "other")[turn % 2], addresses), {None: NEIGHBOURS}, "frames of a storm")
        e2e.equal(moves() - before, NEIGHBOURS * (turns - 1), "addresses that moved")


def mac_flood(tally, count, dice):
    """`count` addresses from a port with a limit and from one without; a tenth as many frames of each theft, and as
    many moves."""
    if not (e2e.BUILD / "plugins" / "mac-guard.so").exists():
        e2e.skip("the plugin mac-guard is not built here")
    with scene.Scene(_config()) as stage, \
         Victims([stage.weft.socket("victim-c"), stage.weft.socket("victim-d")], LEARNED) as learned:
        stage.settled()
        with stage.watch(tally):
            before, weft = learned.counts(), stage.weft
            with contextlib.ExitStack() as stack:
                speakers = Speakers(weft, stack)
                _flood(tally, weft, speakers, count)
                _theft(tally, speakers, count // 10)
                tally.victims["foreign"] += speakers.foreign()
            for name in SPEAKERS:
                stage.wait_down(name)
            with contextlib.ExitStack() as stack:
                speakers = Speakers(weft, stack)
                _storm(tally, weft, speakers, count // 10)
                tally.victims["foreign"] += speakers.foreign()
            after = learned.counts()
            for what in ("sent", "lost", "corrupt", "foreign"):
                tally.victims[what] += after[what] - before[what]
