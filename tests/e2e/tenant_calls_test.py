# SPDX-License-Identifier: Apache-2.0
"""What a worker does while a container comes and goes, changes its memory, and takes it away: no lock, no memory, and
no system call but the one that repairs a fault. Of vhost and of memif."""
import contextlib
import os
import pathlib
import sys

from stage.worker import Locks, Trace, worker_of
from weft_e2e import BUILD, Pair, Weftd, at_least, equal, mac, run, static_ports, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "soak"))
from containers import meet, nothing_lost  # noqa: E402  (the path comes first)
from front_end import Guest  # noqa: E402
from memif_front_end import MemifGuest  # noqa: E402

TURNS, FRAMES = 10, 100
UNRULY, PEER = "web-3", "web-4"  # apart from web-1 and web-2, who are busy meanwhile
NO_INTERRUPT = 1  # virtio 1.2 §2.7.6: nobody has to wake the notifier for them


def polling(guest):
    for ring in (guest.receive_ring, guest.transmit_ring):
        ring.available16[0] = NO_INTERRUPT
    return guest


class Vhost:
    PORT = f'[[port]]\nname = "{UNRULY}"\nmac = "{mac(3)}"\nvhost = {{}}\n'
    SOCKET = "vhost.sock"

    @staticmethod
    def guest(path):
        return polling(Guest(path, 3, 4))

    @staticmethod
    def renew(guest):
        guest.renew()
        polling(guest)

    @staticmethod
    def change_memory(guest, more):
        """The memory table once more, while the rings run."""
        guest.share(more)


class Memif:
    PORT = (f'[[port]]\nname = "{UNRULY}"\nmac = "{mac(3)}"\nmemif = {{}}\n'
            f'[plugins]\ndirectory = "{BUILD}/plugins"\nload = ["memif"]\n')
    SOCKET = "memif.sock"

    @staticmethod
    def guest(path):
        return MemifGuest(path, 3, 4)

    renew = staticmethod(MemifGuest.renew)

    @staticmethod
    def change_memory(guest, more):
        """Memory comes and goes with the connection."""
        guest.renew()
        guest.attach(more)


def unruly(kind):
    """What worker 0 does for a container that comes and goes, changes its memory and takes it away."""
    config = f'[workers]\ncores = [{max(os.sched_getaffinity(0))}]\nidle = "poll"\n' + static_ports("web-1", "web-2")
    config += f'[[port]]\nname = "{PEER}"\nmac = "{mac(4)}"\nvhost = {{}}\n' + kind.PORT
    with contextlib.ExitStack() as stack:
        locks = stack.enter_context(Locks())
        weft = stack.enter_context(Weftd(config, environment=locks.environment))
        own = set(map(int, os.listdir(f"/proc/{weft.pid}/fd")))
        pair = stack.enter_context(Pair(weft))
        peer = stack.enter_context(polling(Guest(weft.socket(PEER), 4, 3)))
        guest = stack.enter_context(kind.guest(weft.socket(UNRULY, kind.SOCKET)))
        trace = stack.enter_context(Trace(weft))
        peer.attach()
        arrives(weft, guest, peer)
        pair.start()
        pair.wait_frames()
        worker = worker_of(weft)
        before = {thread: locks.of(thread) for thread in (weft.pid, worker)}
        for disturb in (comes_and_goes, changes_memory, takes_memory_away):
            trace.begin()
            disturb(kind, weft, guest, peer)
            pair.wait_frames()
            trace.end()
            equal(locks.of(worker), before[worker], f"locks of the worker, and calls for memory: {disturb.__name__}")
        at_least(locks.of(weft.pid)[1] - before[weft.pid][1], 3 * TURNS, "how often control did, and was seen to")
        pair.finish()
        coming, changing, repairing = trace.all_calls()
    equal(coming, [], "system calls of the worker while a container came and went")
    equal(changing, [], "while its memory changed")
    # Where its memory was are zeros, which ask for interrupts: our own notifier is woken for them.
    written = {fd for name, fds in repairing if name == "write" for fd in fds}
    equal(written - own, set(), "descriptors written that weftd did not have before")
    repairs = [name for name, _ in repairing if name != "write"]
    equal(set(repairs), {"mmap", "rt_sigreturn"}, "system calls while its memory was taken away")
    at_least(repairs.count("mmap"), 1, "repairs")
    equal(repairs.count("mmap"), repairs.count("rt_sigreturn"), "repairs, and signals that asked for one")


def arrives(weft, guest, peer):
    """Attaches, and both send to each other."""
    guest.attach()
    weft.wait_up(UNRULY, PEER)
    talks(guest, peer)


def talks(guest, peer):
    meet(guest, peer)
    for one in (guest, peer):
        one.send(FRAMES)
    nothing_lost(guest, peer)


def comes_and_goes(_kind, weft, guest, peer):
    for _ in range(TURNS):
        guest.detach()
        wait_for(lambda: weft.port(UNRULY)["state"] == "down", f"{UNRULY} is down")
        arrives(weft, guest, peer)


def changes_memory(kind, weft, guest, peer):
    with one_region_more() as more:
        for turn in range(TURNS):
            kind.change_memory(guest, more if turn % 2 == 0 else [])
            weft.wait_up(UNRULY)
            talks(guest, peer)


@contextlib.contextmanager
def one_region_more():
    file = os.memfd_create("more")
    try:
        os.ftruncate(file, 1 << 20)
        yield [(file, 1 << 20)]
    finally:
        os.close(file)


def takes_memory_away(kind, weft, guest, peer):
    """Under the hands of weft, which polls the rings in it; and comes back with other memory."""
    for _ in range(TURNS):
        guest.send(FRAMES)  # their payload goes with it, perhaps after weft has read their headers
        os.ftruncate(guest.file, 0)
        # Who asks for ports meanwhile has the control thread look at the rings, and repair them. It does so by
        # itself now and then, for show events: not every fault is the worker's.
        wait_for(guest.gone, "weft closes the connection")
        wait_for(lambda: weft.port(UNRULY)["state"] == "error", f"{UNRULY} is in error")
        reason = weft.port(UNRULY)["reason"]
        equal("memory file was gone" in reason, True, f"what is wrong, of {reason!r}")
        kind.renew(guest)
        guest.attach()
        weft.wait_up(UNRULY)
        while peer.receive():
            pass
        peer.corrupt = 0
        talks(guest, peer)


def vhost():
    unruly(Vhost)


def memif():
    unruly(Memif)


if __name__ == "__main__":
    run(vhost, memif)
