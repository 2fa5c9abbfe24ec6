# SPDX-License-Identifier: Apache-2.0
"""Rows in which containers die, come back, change their memory, stand still or knock all day."""
import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

import scene
from child import Child, receiver, sender
from front_end import GET_FEATURES, Guest, Refused, SET_MEM_TABLE, SET_OWNER, VERSION, pause
from scene import GUESTS, HOSTS, e2e

LIFE = 0.003  # seconds at most that a container lives on in its burst
# Seconds that a trusted switch takes at most, until a port is down, the first frames come, and the shell answers.
DOWN, BACK, ANSWER = 0.1, 0.05, 0.1
PAUSE = 0.005  # and from a frame to the next, while a memory table is replaced
LONG = 30.0  # seconds; a guard against hanging


def killed(tally, count, stage, dice):
    """The sender or the receiver of a burst is killed, and another one takes its place."""
    weft = stage.weft
    for _ in range(count):
        with tally.case(), \
             Child(receiver(weft.socket("guest-b"), *reversed(GUESTS))) as sink:
            sink.told()
            with Child(sender(weft.socket("guest-a"), *GUESTS)) as source:
                source.told()
                time.sleep(dice.random() * LIFE)
                first, port = dice.choice([(source, "guest-a"), (sink, "guest-b")])
                begin = scene.now()
                first.kill()
                stage.wait_down(port)
                tally.outage("killed until its port is down", scene.now() - begin, DOWN)
        for port in ("guest-a", "guest-b"):
            stage.wait_down(port)
        stage.settle("a kill")


@contextlib.contextmanager
def two_guests(stage, names=("guest-a", "guest-b"), numbers=GUESTS, listen=False):
    """Two containers of this process, in whose ports nothing is left behind."""
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(Guest(stage.weft.socket(name), number, peer, listen))
                  for name, number, peer in zip(names, numbers, reversed(numbers))]
        for guest in guests:
            guest.attach()
        meet(*guests)
        yield guests
    for name in names:
        stage.wait_down(name)


def meet(one, two):
    """Sends until a frame has come through both ways; what was sent before is forgotten. Returns when that was."""
    def both():
        for guest, other in ((one, two), (two, one)):
            if not guest.met:
                other.send(1)
            guest.met = bool(guest.receive()) or guest.met
        return one.met and two.met
    one.met = two.met = False
    e2e.wait_for(both, "the first frames between two containers", interval=0.0005)
    first = scene.now()
    time.sleep(0.002)
    drain(one, two)
    for guest in (one, two):
        guest.sent_before, guest.received_before = guest.sent, guest.received
    return first


def drain(*guests):
    """Takes what is under way, until all descriptors have come back and nothing comes any more."""
    def at_rest():
        moved = sum(guest.receive() for guest in guests)
        return not moved and all(guest.room() == guest.transmit_ring.size for guest in guests)
    e2e.wait_for(at_rest, "the transmit rings are empty", interval=0.001)
    for guest in guests:  # what was on its way when the last descriptor came back
        while guest.receive():
            pause()


def nothing_lost(one, two):
    drain(one, two)
    for guest, other in ((one, two), (two, one)):
        e2e.wait_for(lambda: guest.receive() or guest.received - guest.received_before
                     == other.sent - other.sent_before, "every frame that was sent", timeout=10)
        e2e.equal((guest.corrupt, guest.repeated, guest.foreign), (0, 0, 0), "damaged, repeated, foreign frames")


def reconnected(tally, count, stage, dice):
    """The container comes back, with its old rings or new ones, by its own call or weft's."""
    done = 0
    while done < count:
        listen = dice.random() < 0.5
        names, numbers = (("host-a", "host-b"), HOSTS) if listen else (("guest-a", "guest-b"), GUESTS)
        with two_guests(stage, names, numbers, listen) as (one, two):
            for _ in range(min(count - done, 10)):
                done += 1
                with tally.case():
                    one.detach()
                    stage.wait_down(names[0])
                    begin = scene.now()
                    one.attach()
                    first = meet(one, two)
                    tally.outage("attached until the first frames" if not listen
                                 else "listening until the first frames", first - begin, BACK)
                    one.send(20)
                    two.send(20)
                    nothing_lost(one, two)
        stage.settle("reconnects")


def ring_kinds(tally, count, stage, dice):
    """weft-load with each kind and size of rings, who checks every byte and the order of every flow."""
    if not (e2e.BUILD / "weft-load").exists():
        e2e.skip("weft-load is not built here")
    cells = [(kind, listen, size) for kind in ("split", "packed", "packed-in-order")
             for listen in (False, True) for size in (64, 256, 1024)]
    dice.shuffle(cells)
    for turn in range(count):
        kind, listen, size = cells[turn % len(cells)]
        names = ("host-a", "host-b") if listen else ("guest-a", "guest-b")
        with tally.case():
            ports = {name: stage.weft.port(name)["rx-packets"] for name in names}
            drops = lost_of(stage, names)
            result = subprocess.run(
                [e2e.BUILD / "weft-load", "--work=verify", "--size=64,1500", "--seconds=0.02", "--rate=20000",
                 f"--ring={kind}", f"--ring_size={size}", *(["--listen"] if listen else []),
                 *(stage.weft.socket(name) for name in names)], capture_output=True, text=True, timeout=60)
            e2e.equal((result.returncode, result.stderr), (0, ""), f"weft-load with {kind} rings of {size}")
            total = json.loads(result.stdout)["total"]
            for fault in ("corrupt", "duplicate", "reordered"):
                e2e.equal(total[fault], 0, f"{fault} frames of {kind} rings of {size}")
            for name in names:
                stage.wait_down(name)
            taken = sum(stage.weft.port(name)["rx-packets"] - ports[name] for name in names)
            e2e.equal(taken, total["sent"], "frames that weft took, and those that were sent")
            e2e.equal(lost_of(stage, names) - drops, total["lost"], "lost frames, and those with a reason")
    stage.settle("all kinds of rings")


def virtio_user(tally, count, dice):
    """Every kind of ring of DPDK's virtio-user, as matrix_test.py has them: two containers of each kind, of
    which one dies in mid-burst, and both come back after weftd is killed."""
    program = pathlib.Path(e2e.__file__).parent / "matrix_test.py"
    for _ in range(count):
        environment = {**os.environ, "WEFT_MATRIX": "full", "WEFT_E2E_TIMEOUT": "3600"}
        result = subprocess.run([sys.executable, "-B", program], env=environment, text=True, timeout=3600,
                                stdin=subprocess.DEVNULL, capture_output=True)
        if result.returncode == e2e.SKIPPED:
            e2e.skip(result.stdout.strip().splitlines()[-1])
        cells = result.stdout.count("  cell  ")
        tally.tried += 3 * cells
        e2e.equal(result.returncode, 0, f"the matrix: {result.stdout[-500:]} {result.stderr[-500:]}")
        tally.survived += 3 * cells


def lost_of(stage, names):
    return sum(count for (port, _, _), count in stage.weft.drops().items() if port in names)


def bad_regions(stack):
    """What no region can be, as (descriptor, bytes)."""
    reading, writing = os.pipe()
    short = os.memfd_create("short")
    readable = os.open(f"/proc/self/fd/{short}", os.O_RDONLY)
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (reading, writing, short, readable, null):
        stack.callback(os.close, descriptor)
    os.ftruncate(short, 4096)
    return [(reading, 4096), (short, 8192), (readable, 4096), (null, 4096), (short, 100)]


IN_FLIGHT = 64  # frames of one at most, fewer than a ring holds


def longest_gap(one, two, ended):
    """The two send to and fro until ended() and a frame after that has come either way; the longest that somebody who
    looks all the time had to wait for the next frame."""
    begin, longest, over, left = scene.now(), 0, False, {one, two}
    last = {one: begin, two: begin}
    while left:
        came = False
        for guest, other in ((one, two), (two, one)):
            if guest.sent - guest.sent_before - (other.received - other.received_before) < IN_FLIGHT:
                guest.send(4)
            if other.receive():
                now = scene.now()
                longest, last[other] = max(longest, now - last[other]), now
                came = True
                if over:
                    left.discard(other)
        if not came:
            pause()  # who is waited for needs the core, too
        over = over or ended()
        if scene.now() - begin > LONG:
            raise AssertionError("no frame comes any more")
    return longest


def swapped(tally, count, stage, dice):
    """The memory table is replaced while frames are under way: by the same, by one more region, and by
    one that is wrong, after which the container connects again."""
    with contextlib.ExitStack() as stack, two_guests(stage) as (one, two):
        more = os.memfd_create("more")
        stack.callback(os.close, more)
        os.ftruncate(more, 1 << 20)
        wrong = bad_regions(stack)
        for turn in range(count):
            for guest, other in ((one, two), (two, one)):
                if guest.sent - guest.sent_before - (other.received - other.received_before) < 128:
                    guest.send(16)
            with tally.case():
                if turn % 50 == 25:
                    nothing_lost(one, two)
                    one.send(16)  # which may be under way when the connection ends
                    try:
                        one.share([dice.choice(wrong)])
                        raise AssertionError("a wrong region was taken")
                    except Refused:
                        e2e.wait_for(one.gone, "weft closes the connection")
                    reason = stage.weft.port("guest-a")["reason"]
                    e2e.equal("SET_MEM_TABLE" in reason, True, f"the reason {reason!r} names the message")
                    one.attach()
                    meet(one, two)
                else:
                    begin = scene.now()
                    one.begin_share([(more, 1 << 20)] if turn % 2 else [])
                    gap = longest_gap(one, two, one.answered)
                    one.end_share()
                    over = scene.now()
                    tally.measured("a new memory table until the answer and a frame after it", over - begin)
                    quiet = longest_gap(one, two, lambda: scene.now() - over > over - begin)
                    tally.outage("a frame until the next, over a new memory table", gap, PAUSE, without=quiet)
        nothing_lost(one, two)
    stage.settle("new memory tables")


WATCHED = 0.1  # seconds for which the victims are watched before and while the receiver stands still
MORE = 10  # percent by which their p99 may be longer then


def stopped(tally, count, stage, dice):
    """The receiver stands still in a burst to it, and goes on."""
    weft = stage.weft
    with Child(receiver(weft.socket("guest-b"), *reversed(GUESTS))) as sink:
        sink.told()
        weft.wait_up("guest-b")
        with Child(sender(weft.socket("guest-a"), *GUESTS)) as source:
            source.told()
            full = ("guest-b", "vhost-output", "ring-full")
            for _ in range(count):
                with tally.case():
                    takes = stage.victims.round_trips(WATCHED)
                    sink.send_signal(signal.SIGSTOP)
                    before = weft.drops().get(full, 0)
                    e2e.wait_for(lambda: weft.drops().get(full, 0) > before, "its ring is full", interval=0.002)
                    time.sleep(dice.random() * LIFE)
                    tally.compared("victims' round trip while a receiver stands still", takes,
                                   stage.victims.round_trips(WATCHED), MORE)
                    sink.send_signal(signal.SIGCONT)
                    taken = weft.port("guest-b")["tx-packets"]
                    e2e.wait_for(lambda: weft.port("guest-b")["tx-packets"] > taken, "it takes frames again",
                                 interval=0.002)
                    e2e.equal(weft.port("guest-b")["state"], "up", "the port's state")
    for port in ("guest-a", "guest-b"):
        stage.wait_down(port)
    stage.settle("a receiver that stands still")


KNOCKS, MANY_KNOCKS = 50, 1000  # connections of a flood: more than may wait
QUESTION = struct.pack("<III", GET_FEATURES, VERSION, 0)
HALF = struct.pack("<III", SET_OWNER, VERSION, 0)[:5]
# Nothing, half a message, its first byte, nonsense, more than any message has, and questions whose answers are not
# read.
SAYINGS = (b"", HALF, HALF[:1], b"\xff" * 64, struct.pack("<III", SET_MEM_TABLE, VERSION, 2**32 - 1), QUESTION * 1000)


def _knock(stack, path, what):
    """A connection that says this and stays open; None if the queue of the socket is full."""
    knock = stack.enter_context(socket.socket(socket.AF_UNIX))
    knock.setblocking(False)
    try:
        knock.connect(str(path))
    except BlockingIOError:
        knock.close()
        return None
    with contextlib.suppress(OSError):  # weft has had enough
        knock.send(what)
    return knock


def _heard_enough(knock):
    """True if weft has hung up on who asks and asks and reads no answer."""
    try:
        while True:
            knock.send(QUESTION)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _in_a_flood(tally, weft, stage):
    """What others notice of it."""
    begin = scene.now()
    weft.ctl("show ports")
    tally.outage("an answer of the shell in a flood", scene.now() - begin, ANSWER)
    with Guest(weft.socket("guest-b"), *reversed(GUESTS)) as other:
        begin = scene.now()
        other.attach()
        tally.outage("another container attaches in a flood", scene.now() - begin, BACK)
    stage.wait_down("guest-b")


def flooded(tally, count, stage, dice, knocks=KNOCKS):
    """Connections crowd a port, which weft takes or refuses one after the other; the next port and the shell do not
    wait for them. The first has the port, and reads no replies."""
    weft, path = stage.weft, stage.weft.socket("guest-a")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * MANY_KNOCKS)), hard))
    for _ in range(count):
        with tally.case(), contextlib.ExitStack() as stack:
            deaf = _knock(stack, path, QUESTION)
            e2e.wait_for(lambda: _heard_enough(deaf), "weft hangs up on who does not read its replies", interval=0.001)
            made = 1
            while made < knocks:
                if _knock(stack, path, dice.choice(SAYINGS)) is None:
                    time.sleep(0.001)
                    continue
                made += 1
                if made % KNOCKS == 0:
                    _in_a_flood(tally, weft, stage)
        for port in ("guest-a", "guest-b"):
            stage.wait_down(port)
        with two_guests(stage) as (one, two):  # the port is of use again
            one.send(10)
            nothing_lost(one, two)
        stage.settle("a flood")


def flooded_in_full(tally, count, stage, dice):
    flooded(tally, count, stage, dice, MANY_KNOCKS)
