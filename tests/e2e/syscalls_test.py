# SPDX-License-Identifier: Apache-2.0
"""Which system calls a worker makes, as strace sees them: none for frames, but for waking our own notifier;
and none on a descriptor that a container has brought."""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import socket
import threading
import time

from stage.sleeper import Sleeper
from stage.worker import Locks, Trace, worker_of
from weft_e2e import Pair, Testpmd, Weftd, at_least, equal, mac, run, static_ports, wait_equal, wait_for

def worker_calls(workers, disturb):
    """What worker 0 did while two containers sent frames to and fro and `disturb(weft, pair)` ran; and the
    descriptors that weftd had before any container came."""
    config = f"[workers]\ncores = [{max(os.sched_getaffinity(0))}]\n{workers}\n"
    with Weftd(config + static_ports("web-1", "web-2", "web-3", "web-4")) as weft:
        own = set(map(int, os.listdir(f"/proc/{weft.pid}/fd")))
        with Pair(weft) as pair, Trace(weft) as trace:
            pair.start()
            pair.wait_frames()
            disturb(weft, pair, trace)
            pair.finish()
            return trace.calls(), own


def counted(_weft, pair, trace):
    trace.begin()
    pair.wait_frames(20_000)
    trace.end()


def none_while_it_polls():
    equal(worker_calls('idle = "poll"', counted)[0], [], "system calls of the worker")


def none_under_load():
    """An adaptive worker that is never quiet for long. `quiet` is a guard against this machine's pauses."""
    equal(worker_calls('idle = "adaptive"\nquiet = "60s"', counted)[0], [], "system calls of the worker")


def one_write_wakes_the_notifier():
    """A container that sleeps between frames is interrupted by the notifier; the worker only wakes that."""
    def interrupts(weft, _pair, trace):
        with Sleeper(weft.socket("web-3")) as sleeper, \
             Testpmd(weft.socket("web-4"), mac=mac(4), mode="txonly", peer=mac(3)) as sender:
            weft.wait_up("web-3", "web-4")
            trace.begin()
            sender.start()
            wait_for(lambda: sleeper.interrupts >= 100, "interrupts")
            trace.end()
            sender.stop()

    calls, own = worker_calls('idle = "poll"', interrupts)
    equal({name for name, _ in calls}, {"write"}, "system calls of the worker")
    targets = {fds for _, fds in calls}
    equal(len(targets), 1, f"descriptors written, of {targets}")
    equal(set(targets.pop()) - own, set(), "descriptors written that weftd did not have before")


class Client:
    """A connection to the shell that does as it likes."""

    def __init__(self, weft, timeout=60):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        # A full accept queue sends away at once who would not wait (unix(7): EAGAIN).
        wait_for(lambda: self._connects(str(weft.runtime_dir / "control.sock")), "room for a connection", interval=0.001)
        self._lines = self._socket.makefile("rb")

    def _connects(self, path):
        try:
            self._socket.connect(path)
            return True
        except BlockingIOError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()

    def send(self, data):
        self._socket.sendall(data)

    def fileno(self):
        return self._socket.fileno()

    def line(self):
        return self._lines.readline()

    def ask(self, **request):
        self.send(json.dumps(request).encode() + b"\n")
        line = self._lines.readline()
        return json.loads(line) if line else None


def shows(client):
    """Every command that begins with show or why, as completion knows them, with a port where one is asked for."""
    found, grow = [], ["show", "why"]
    while grow:
        words = grow.pop()
        candidates = client.ask(complete=words + " ")["data"]["candidates"]
        found += [words, words + " web-1"]
        # Words of commands; values that exist, ports and nodes, end them.
        grow += [f"{words} {one['text']}" for one in candidates
                 if not one["placeholder"] and len(words.split()) < 3 and not one["text"].startswith("web-")]
    return found


ROUNDS, CLIENTS, CONNECTIONS = 3, 8, 1000
MOST_SHELLS = 32  # that weftd serves at a time


def storm(weft):
    """Eight clients ask for everything, one never reads, one talks nonsense all the while, and a thousand only connect
    and stay; how many answers there were."""
    answers, errors, over = [0] * CLIENTS, [], threading.Event()

    def asks(number):
        try:
            for command in ROUNDS * commands:
                reply = clients[number].ask(command=command)
                equal(reply is not None and isinstance(reply["ok"], bool), True, f"an answer to {command}")
                answers[number] += 1
        except (OSError, ValueError, AssertionError) as error:
            errors.append(f"client {number}: {error}")

    def talks_nonsense():
        while not over.is_set():
            # It does not read either, so weftd takes no more at some point; then it begins anew.
            with contextlib.suppress(OSError), Client(weft, timeout=0.1) as client:
                while not over.is_set():
                    client.send(bytes(range(256)) * 40)

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    without = weft.fds()
    with contextlib.ExitStack() as stack:
        with Client(weft) as client:
            commands = shows(client)
        at_least(len(commands), 30, "commands that show something")
        # Before the crowd: weftd serves only so many, and tells the others so.
        clients = [stack.enter_context(Client(weft)) for _ in range(CLIENTS)]
        silent = stack.enter_context(Client(weft))
        silent.send(b"".join(json.dumps({"command": "show counters"}).encode() + b"\n" for _ in range(200)))
        before = weft.fds()
        threads = [threading.Thread(target=asks, args=(number,)) for number in range(CLIENTS)]
        threads.append(threading.Thread(target=talks_nonsense))
        for thread in threads:
            thread.start()
        try:
            room = CONNECTIONS if most == resource.RLIM_INFINITY else min(CONNECTIONS, most - 200)
            crowd = [stack.enter_context(Client(weft)) for _ in range(room)]
            at_least(before + MOST_SHELLS, weft.fds(), "descriptors that weftd may have, against those that it has")
            refused = wait_for(lambda: select_refused(crowd), "weftd has told who is too many")
            at_least(len(crowd) - len(refused), 1, "connections that stay")
            told = f"{MOST_SHELLS} shells are connected already".encode()
            equal({told in client.line() for client in refused}, {True}, "what the others are told")
        finally:
            for thread in threads[:CLIENTS]:
                thread.join()
            over.set()
            threads[-1].join()
    # Shells that it has not seen go are in the way of the next one.
    wait_for(lambda: weft.fds() <= without, "weftd has seen all of them go")
    equal(errors, [], "what went wrong with clients that behave")
    return sum(answers), len(commands)


def select_refused(crowd):
    """Those that have been told something; nothing as long as too few have."""
    waiting = select.poll()
    for client in crowd:
        waiting.register(client.fileno(), select.POLLIN)
    told = {fd for fd, _ in waiting.poll(0)}
    return [client for client in crowd if client.fileno() in told] if len(told) >= len(crowd) - MOST_SHELLS else []


def own_memory(weft):
    status = pathlib.Path(f"/proc/{weft.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])  # KiB


def fds_at_rest(weft):
    """Without connections that are about to be closed."""
    samples = []
    for _ in range(20):
        samples.append(weft.fds())
        time.sleep(0.01)
    return min(samples)


def none_while_the_shell_is_stormed():
    """Whoever asks, whatever and however often: no worker is the wiser, and weftd is as it was."""
    def stormed(weft, pair, trace):
        descriptors = fds_at_rest(weft)
        storm(weft)  # what the first time takes is kept
        wait_equal(weft.fds, descriptors, "descriptors of weftd")
        memory = own_memory(weft)
        trace.begin()
        answers, commands = storm(weft)
        pair.wait_frames(1000)
        trace.end()
        equal(answers, ROUNDS * CLIENTS * commands, "answers")
        wait_equal(weft.fds, descriptors, "descriptors of weftd")
        at_least(memory + 4096, own_memory(weft), "4 MiB more than weftd's own memory before, in KiB, against what it is")

    equal(worker_calls('idle = "poll"', stormed)[0], [], "system calls of the worker")


def no_lock_while_the_shell_is_stormed():
    """No worker takes a lock, or memory, whose lock it would share with those who answer commands."""
    config = f'[workers]\ncores = [{max(os.sched_getaffinity(0))}]\nidle = "poll"\n'
    with Locks() as locks, Weftd(config + static_ports("web-1", "web-2"), environment=locks.environment) as weft:
        worker = worker_of(weft)
        with Pair(weft) as pair:
            pair.start()
            pair.wait_frames()
            before = {thread: locks.of(thread) for thread in (weft.pid, worker)}
            storm(weft)
            pair.wait_frames(1000)
            equal(locks.of(worker), before[worker], "locks that the worker has taken, and memory that it has asked for")
            at_least(locks.of(weft.pid)[1] - before[weft.pid][1], 1000, "what control asked for, and was seen to")
            at_least(locks.of(weft.pid)[0] - before[weft.pid][0], 1, "locks that control took, and was seen to")


def sleeping_is_on_our_own_descriptors():
    """Traffic stops and starts; the worker sleeps in between, and wakes."""
    def pauses(weft, pair, trace):
        trace.begin()
        for _ in range(5):
            pair.finish()
            slept = weft.ctl("show workers")[0]["sleeps"]
            wait_for(lambda: weft.ctl("show workers")[0]["sleeps"] > slept, "the worker sleeps")
            pair.start()
            pair.wait_frames()
        trace.end()

    calls, own = worker_calls('idle = "adaptive"', pauses)
    equal("ppoll" in {name for name, _ in calls}, True, "the worker slept")
    # restart_syscall: strace has interrupted one.
    allowed = {"ppoll", "read", "write", "epoll_wait", "restart_syscall"}
    equal({name for name, _ in calls} - allowed, set(), "system calls of the worker beyond sleeping")
    equal({fd for _, fds in calls for fd in fds} - own, set(), "descriptors that containers brought")


if __name__ == "__main__":
    run(none_while_it_polls, none_under_load, none_while_the_shell_is_stormed,
        no_lock_while_the_shell_is_stormed, one_write_wakes_the_notifier, sleeping_is_on_our_own_descriptors)
