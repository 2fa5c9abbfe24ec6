# SPDX-License-Identifier: Apache-2.0
"""A container that costs nothing: a vhost-user front-end with split rings, in memory of its own.

It sends numbered frames and checks every byte of what it gets. All of a burst goes by one store of the
available index, so that even Python keeps a switch busy. Numbers are those of nodes/vhost/protocol.h.
"""
import array
import contextlib
import mmap
import os
import select
import socket
import struct
import time

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL = 8, 9, 10, 12, 13
SET_PROTOCOL_FEATURES, SET_VRING_ENABLE = 16, 18
VERSION, REPLY, NEED_REPLY = 1, 4, 8
FEATURES = 1 << 30 | 1 << 32  # protocol features, VERSION_1
REPLY_ACK = 1 << 3

NET_HEADER = 12  # virtio 1.2 §5.1.6
ETHERTYPE = 0x88B5  # for experiments, IEEE 802 §9.2.3
SIZE = 256  # of a frame: more than weft's snapshot of headers, so that payload is copied from us
NUMBER_AT = NET_HEADER + 20  # six bytes behind the Ethernet header; a multiple of 8
STRIDE = 2048
WRITE = 2  # virtio 1.2 §2.7.5: the device writes
PATIENCE = 30.0  # seconds for a reply; a guard against hanging
GUEST_BASE = 0x1_0000_0000  # where our memory begins in the addresses that we tell


def address(number):
    return bytes([2, 0, 0, 0, 0, number])


class Refused(Exception):
    """weft closed the connection, or said no."""


class Ring:
    """One split ring and its buffers at `at` in the memory; offset is also the guest's address."""

    def __init__(self, memory, at, size, writable):
        self.size, self.at = size, at
        self.descriptors, self.available = at, at + 16 * size
        self.used = (self.available + 6 + 2 * size + 63) // 64 * 64
        self.buffers = (self.used + 6 + 8 * size + 4095) // 4096 * 4096
        self.end = self.buffers + STRIDE * size
        length = STRIDE if writable else NET_HEADER + SIZE
        memory[at:at + 16 * size] = b"".join(
            struct.pack("<QIHH", GUEST_BASE + self.buffer(i), length, WRITE if writable else 0, 0)
            for i in range(size))
        # Native 16-bit stores: an index is never seen half written.
        view = memoryview(memory)
        self.available16 = view[self.available:self.available + 4 + 2 * size].cast("H")
        self.used16 = view[self.used:self.used + 4].cast("H")
        self.used32 = view[self.used + 4:self.used + 4 + 8 * size].cast("I")
        for i in range(size):
            self.available16[2 + i] = i
        self.offered = self.taken = 0  # since the ring was made, never wrapping
        if writable:
            self.offer(size)

    def buffer(self, index):
        return self.buffers + STRIDE * (index % self.size)

    def offer(self, count):
        self.offered += count
        self.available16[1] = self.offered & 0xFFFF

    def ready(self):
        """How many descriptors have come back and were not taken yet."""
        return (self.used16[1] - self.taken) & 0xFFFF

    def release(self):
        for view in (self.available16, self.used16, self.used32):
            view.release()


class Correspondent:
    """Numbered frames for one peer, and the account of what comes from it. number, peer: of our own address and
    the one that we send to."""

    def __init__(self, number, peer):
        self.sent = self.received = self.foreign = self.corrupt = self.repeated = 0
        self.expected = 0  # the number of the peer's next frame
        self._pattern = bytes(range(256))[:SIZE - 28]
        self._theirs = address(number) + address(peer) + struct.pack(">H", ETHERTYPE)
        self.frame = address(peer) + address(number) + self._theirs[12:] + bytes(14) + self._pattern

    def take(self, frame):
        """Checks a frame that has come."""
        if frame[:14] != self._theirs:
            self.foreign += 1
            return
        number, = struct.unpack_from("<Q", frame, NUMBER_AT - NET_HEADER)
        self.received += 1
        if frame[28:] != self._pattern:
            self.corrupt += 1
        if number < self.expected:
            self.repeated += 1  # or overtaken
        self.expected = max(self.expected, number + 1)

    # ---- Of its file, its memory and its two rings, which _make_memory makes

    def room(self):
        ring = self.transmit_ring
        ring.taken += ring.ready()
        return ring.size - (ring.offered - ring.taken)

    def renew(self):
        """Other memory, with rings in which nothing has happened yet."""
        self._drop_memory()
        self._make_memory()

    def _drop_memory(self):
        for ring in (self.receive_ring, self.transmit_ring):
            ring.release()
        self.memory.close()
        os.close(self.file)


class Guest(Correspondent):
    """listen: weft connects to us."""

    def __init__(self, path, number, peer, listen=False, ring=256):
        super().__init__(number, peer)
        self.path, self.listen = str(path), listen
        self._ring = ring
        self._make_memory()
        self._listener = self.socket = None
        self._kicks, self._calls = [], []
        if listen:
            self._listener = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            self._listener.bind(self.path)
            self._listener.listen(1)
            self._listener.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _make_memory(self):
        total = 2 * Ring(bytearray(64 * 1024 + self._ring * (STRIDE + 64)), 0, self._ring, False).end
        self.file = os.memfd_create("guest", os.MFD_CLOEXEC)
        os.ftruncate(self.file, total)
        self.memory = mmap.mmap(self.file, total)
        self.receive_ring = Ring(self.memory, 0, self._ring, True)
        self.transmit_ring = Ring(self.memory, self.receive_ring.end, self._ring, False)
        whole = bytes(NET_HEADER) + self.frame
        for i in range(self._ring):
            at = self.transmit_ring.buffer(i)
            self.memory[at:at + len(whole)] = whole

    # ---- The connection

    def attach(self):
        """Connects, or waits until weft does; both rings run when it returns."""
        self.detach()
        if self._listener is not None:
            self.socket, _ = self._listener.accept()
        else:
            self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        if self._listener is None:
            self.socket.connect(self.path)
        self._say(SET_OWNER)
        self.ask(GET_FEATURES)
        self._say(SET_PROTOCOL_FEATURES, struct.pack("<Q", REPLY_ACK))
        self._say(SET_FEATURES, struct.pack("<Q", FEATURES))
        self.share()
        for index, ring in enumerate((self.receive_ring, self.transmit_ring)):
            kick, call = (os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(2))
            self._kicks.append(kick)
            self._calls.append(call)
            self._say(SET_VRING_NUM, struct.pack("<II", index, ring.size))
            self._say(SET_VRING_ADDR, struct.pack("<IIQQQQ", index, 0, *(
                GUEST_BASE + at for at in (ring.descriptors, ring.used, ring.available)), 0))
            self._say(SET_VRING_BASE, struct.pack("<II", index, ring.used16[1]))
            self._say(SET_VRING_CALL, struct.pack("<Q", index), [call])
            self._say(SET_VRING_KICK, struct.pack("<Q", index), [kick])
            self._say(SET_VRING_ENABLE, struct.pack("<II", index, 1))
        self.ask(GET_FEATURES)  # an answer to anything says that all of it has been handled
        self.kick()

    def share(self, more=()):
        """Sends the memory table, again while the rings run: our memory, and `more` regions (file
        descriptor, bytes). Refused if weft will not have it."""
        self.begin_share(more)
        self.end_share()

    def begin_share(self, more=()):
        """Sends it, and does not wait for the answer; answered() says when there is one."""
        regions = [(self.file, len(self.memory)), *more]
        payload, at = struct.pack("<II", len(regions), 0), GUEST_BASE
        for _, size in regions:
            payload += struct.pack("<QQQQ", at, size, at, 0)
            at += (size + 0xFFFFF) & ~0xFFFFF
        self._say(SET_MEM_TABLE, payload, [file for file, _ in regions], NEED_REPLY)

    def answered(self):
        """True if weft has answered, or closed the connection."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def end_share(self):
        if self._reply() != 0:
            raise Refused("SET_MEM_TABLE")

    def _say(self, request, payload=b"", files=(), flags=0):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        try:
            self.socket.sendmsg([struct.pack("<III", request, VERSION | flags, len(payload)) + payload],
                                ancillary)
        except OSError as error:
            raise Refused(str(error)) from None

    def _reply(self):
        data = b""
        while len(data) < 20:
            try:
                more = self.socket.recv(20 - len(data))
            except ConnectionError:
                more = b""
            if not more:
                raise Refused("weft closed the connection")
            data += more
        return struct.unpack_from("<Q", data, 12)[0]

    def ask(self, request):
        self._say(request)
        return self._reply()

    def kick(self):
        for kick in self._kicks:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(kick, 1)

    def gone(self):
        """True if weft has closed the connection."""
        if not self.answered():
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def detach(self):
        for descriptor in self._kicks + self._calls:
            os.close(descriptor)
        self._kicks, self._calls = [], []
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def close(self):
        self.detach()
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        self._drop_memory()

    # ---- Frames

    def send(self, count):
        """Sends up to `count` frames, as many as there is room for; returns how many."""
        ring = self.transmit_ring
        count = min(count, self.room())
        for i in range(count):
            struct.pack_into("<Q", self.memory, ring.buffer(ring.offered + i) + NUMBER_AT, self.sent + i)
        ring.offer(count)
        self.sent += count
        self.kick()
        return count

    def receive(self):
        """Takes and checks what has come; returns how many frames."""
        ring = self.receive_ring
        count = ring.ready()
        for i in range(count):
            slot = (ring.taken + i) % ring.size
            index, length = ring.used32[2 * slot], ring.used32[2 * slot + 1]
            at = ring.buffer(index)
            self.take(self.memory[at + NET_HEADER:at + length])
            ring.available16[2 + (ring.offered + i) % ring.size] = index
        ring.taken += count
        if count:
            ring.offer(count)
        return count


def pause():
    """Between two looks at a ring: the switch and we may share a core."""
    time.sleep(0.0005)
