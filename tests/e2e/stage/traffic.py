# SPDX-License-Identifier: Apache-2.0
"""Traffic whose every frame is accounted for."""
import contextlib
import dataclasses

from .checks import equal, wait_for
from .container import Testpmd
from .switch import ports

BROADCAST = "ff:ff:ff:ff:ff:ff"
RING = 1024  # descriptors in each ring of a Pair's containers
BURSTS = 12  # bursts of 32 frames that each of a Pair launches: in all fewer than a ring holds


def mac(number):
    """The address of the container with this number."""
    return f"02:00:00:00:00:{number:02x}"


def static_ports(*names, options=""):
    """ports(), each with the address of its place in the list, so that nothing to it is flooded."""
    return "".join(ports(name, options=f'mac = "{mac(number)}"\n{options}')
                   for number, name in enumerate(names, 1))


def drain(*containers):
    """Ends what the containers send; from now on they only take what is still under way."""
    for container in containers:
        container.stop()
        container.forward("rxonly")
    for container in containers:
        container.start()


@dataclasses.dataclass
class Account:
    """sent, received: frames by port, as its container counts them. drops: frames by (port, node,
    reason)."""
    sent: dict
    received: dict
    drops: dict

    def lost(self, port):
        """{reason: frames} of this port."""
        return {reason: count for (name, _, reason), count in self.drops.items() if name == port}


class Ledger:
    """What weft and containers count from now on. containers: {port: Testpmd}. nics: ports that have
    none. apart: there are other ports, with frames among themselves alone; nothing is flooded here."""

    def __init__(self, weft, containers, nics=(), apart=False):
        self._weft, self._containers = weft, containers
        self._names, self._apart = {*containers, *nics}, apart
        self._before = self._count()

    def _count(self):
        counts = {}
        for name, container in self._containers.items():
            stats = container.stats()
            counts["sent", name] = stats["tx-packets"]
            counts["received", name] = stats["rx-packets"]
        for row in self._weft.ctl("show ports"):
            if row["name"] in self._names:
                counts["rx", row["name"]] = row["rx-packets"]
                counts["tx", row["name"]] = row["tx-packets"]
        for row in self._weft.ctl("show counters"):
            if (row["node"], row["counter"]) == ("flood", "clones") and not self._apart:
                counts["clones", "flood"] = row["count"]
        for key, packets in self._weft.drops().items():
            if key[0] in self._names:
                counts["drop", *key] = packets
        return counts

    def _since(self):
        return {key: count - self._before.get(key, 0) for key, count in self._count().items()}

    @staticmethod
    def _mismatches(counts):
        def total(kind, *, name=None, at_input=None):
            return sum(count for key, count in counts.items()
                       if key[0] == kind and (name is None or key[1] == name)
                       and (at_input is None or key[2].endswith("-input") == at_input))

        wrong = []

        def compare(what, one, other):
            if one != other:
                wrong.append(f"{what}: {one} and {other}")

        for kind, name in [key for key in counts if key[0] in ("sent", "received")]:
            if kind == "sent":
                compare(f"what {name}'s container sent and what weft took or refused",
                        counts[kind, name], total("rx", name=name) + total("drop", name=name, at_input=True))
            else:
                compare(f"what weft delivered to {name} and what its container received",
                        total("tx", name=name), counts[kind, name])
        compare("what weft took and copied, and what it delivered or dropped",
                total("rx") + total("clones"), total("tx") + total("drop", at_input=False))
        return wrong

    def close(self, timeout=60.0):
        """Waits until every frame since the ledger was opened is accounted for: sent = received + drops
        by reason, at each port and in all. The senders have to be at rest. Returns the Account."""
        counts = {}

        def balanced():
            counts.update(self._since())
            return not self._mismatches(counts)
        try:
            wait_for(balanced, "every frame is accounted for", timeout, interval=0.05)
        except AssertionError:
            raise AssertionError("; ".join(self._mismatches(counts)) + f"; in full: {counts}") from None
        by_kind = {kind: {key[1]: count for key, count in counts.items() if key[0] == kind}
                   for kind in ("sent", "received")}
        drops = {key[1:]: count for key, count in counts.items() if key[0] == "drop" and count != 0}
        return Account(**by_kind, drops=drops)


class Pair:
    """Two containers that send frames to and fro, for as long as nobody drops one: they are fewer than
    a ring holds, so weft has no reason to, however late anybody is.

    numbers: of their addresses. kinds: of containers. options: more of theirs.
    """

    def __init__(self, weft, names=("web-1", "web-2"), numbers=(1, 2), queues=1, kinds=(Testpmd, Testpmd),
                 **options):
        self.names, self._weft = names, weft
        self._ledger = None
        self._stack = contextlib.ExitStack()
        addresses = [mac(number) for number in numbers]
        self.containers = {
            name: kind(weft.socket(name, kind.SOCKET), mac=own, peer=peer, mode="macswap", ring=RING,
                       queues=queues, mbufs=(4 * queues + 1) * RING, **options)
            for name, kind, own, peer in zip(names, kinds, addresses, reversed(addresses))}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for container in self.containers.values():
                stack.enter_context(container)
            for container in self.containers.values():
                container.ready()  # those that listen become so together
            self._weft.wait_up(*self.names)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def start(self):
        self._ledger = Ledger(self._weft, self.containers, apart=True)
        for container in self.containers.values():
            container.stop()
            container.forward("macswap")
            container.start(tx_first=BURSTS)

    def frames(self):
        """How many frames each port has delivered to its container."""
        rows = {row["name"]: row for row in self._weft.ctl("show ports")}
        return [rows[name]["tx-packets"] for name in self.names]

    def wait_frames(self, count=1000):
        """Waits until both containers have got `count` more frames."""
        wanted = [frames + count for frames in self.frames()]
        wait_for(lambda: all(now >= then for now, then in zip(self.frames(), wanted)),
                 f"{count} more frames to and fro")

    def stop(self):
        """Ends the traffic; the Account of it."""
        drain(*self.containers.values())
        return self._ledger.close()

    def finish(self):
        """Ends the traffic, of which not one frame may be lost; the Account of it."""
        account = self.stop()
        equal(account.drops, {}, "frames that weft lost")
        equal(sum(account.received.values()), sum(account.sent.values()), "frames received and sent")
        return account
