# SPDX-License-Identifier: Apache-2.0
"""A process of ours that can be killed at any moment, and the victims, who must not notice that."""
import collections
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import time

from front_end import Guest, pause

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
PATIENCE = 60.0  # seconds; a guard against hanging
MANY = 10_000  # round trips that are kept
BURST = 64  # frames that a victim sends at a time: fewer than a ring holds, so that none need be lost


class Child:
    """Forks: work(line) runs in a process of its own, where line is a socket to us."""

    def __init__(self, work):
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
                    signal.signal(number, signal.SIG_DFL)
                signal.alarm(0)
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                ours.close()
                work(theirs)
                status = 0
            except BaseException as error:  # whatever it is, it must not run our parent's handlers
                with contextlib.suppress(OSError):
                    os.write(2, f"child: {error!r}\n".encode())
            finally:
                os._exit(status)
        theirs.close()
        self.line = ours
        self.line.settimeout(PATIENCE)
        self._text = self.line.makefile("r")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def told(self):
        """The next line that the child says, as JSON."""
        line = self._text.readline()
        if not line:
            raise AssertionError("a child ended before its time")
        return json.loads(line)

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        if self.pid is None:
            return
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid = None
        self._text.close()
        self.line.close()


def say(line, value):
    line.sendall(json.dumps(value).encode() + b"\n")


def sender(path, number, peer):
    """Attaches and sends flat out, until it is killed."""
    def work(line):
        guest = Guest(path, number, peer)
        guest.attach()
        while guest.transmit_ring.ready() == 0:  # the first frames are on their way
            guest.send(guest.room())
        say(line, "sends")
        while True:
            guest.send(guest.room() // 2)
            guest.receive()
    return work


def receiver(path, number, peer):
    """Attaches and takes what comes, until it is killed."""
    def work(line):
        guest = Guest(path, number, peer)
        guest.attach()
        say(line, "receives")
        while True:
            if not guest.receive():
                pause()
    return work


class Victims:
    """Two containers, which send to and fro on the worker that all others use, and count."""

    def __init__(self, sockets, numbers):
        self._sockets, self._numbers, self._longest = sockets, numbers, 0

    def __enter__(self):
        self._child = Child(self._work)
        try:
            self._child.told()
        except BaseException:
            self._child.kill()
            raise
        return self

    def __exit__(self, *_):
        self._child.kill()

    @property
    def pid(self):
        return self._child.pid

    def counts(self):
        """What was sent, lost, damaged and seen of others so far, with nothing under way; and the
        longest time from sending a burst until all of it had come since forget(), in ms."""
        self._child.line.sendall(b"?")
        counts = self._child.told()
        self._longest = counts["longest-ms"] = max(self._longest, counts["longest-ms"])
        return counts

    def forget(self):
        self._longest = 0

    def round_trips(self, seconds):
        """How long each burst took, in ms, of those that end in the next so many seconds."""
        self._ask_round_trips()  # those until now
        time.sleep(seconds)
        return self._ask_round_trips()

    def _ask_round_trips(self):
        self._child.line.sendall(b"t")
        return self._child.told()

    def _work(self, line):
        one, two = (Guest(path, number, peer) for path, number, peer in
                    zip(self._sockets, self._numbers, reversed(self._numbers)))
        for guest in (one, two):
            guest.attach()
        longest = lost = 0
        trips = collections.deque(maxlen=MANY)

        def exchange():
            nonlocal longest, lost
            begin = time.monotonic()
            wanted = [two.received + one.send(BURST), one.received + two.send(BURST)]
            while [two.received, one.received] != wanted:
                if not two.receive() + one.receive():
                    pause()
                if time.monotonic() - begin > PATIENCE / 2:
                    lost += sum(wanted) - one.received - two.received
                    return False
            longest = max(longest, time.monotonic() - begin)
            trips.append(time.monotonic() - begin)
            return True
        # Until weft has seen both ports come up; what is lost by then is nobody's fault.
        while not (two.received and one.received):
            one.send(1)
            two.send(1)
            pause()
            two.receive()
            one.receive()
        time.sleep(0.01)
        while two.receive() + one.receive():
            pause()
        start = one.sent + two.sent, one.received + two.received
        say(line, "ready")
        going = True
        while True:
            going = going and exchange()
            if select.select([line], [], [], 0.002 if going else 1)[0]:
                question = line.recv(1)
                if not question:
                    return
                if question == b"t":
                    say(line, [round(trip * 1000, 3) for trip in trips])
                    trips.clear()
                    continue
                say(line, {"sent": one.sent + two.sent - start[0],
                           "received": one.received + two.received - start[1], "lost": lost,
                           "corrupt": sum(guest.corrupt + guest.repeated for guest in (one, two)),
                           "foreign": one.foreign + two.foreign,
                           "longest-ms": round(longest * 1000, 1)})
                longest = 0
