# SPDX-License-Identifier: Apache-2.0
"""A container that speaks memif and costs nothing: a client, whose the memory is, with one ring each way.

It has the calls of front_end.Guest, and sends the same frames. Messages and rings are those of
plugins/memif/protocol.h.
"""
import array
import mmap
import os
import select
import socket
import struct

from front_end import NET_HEADER, NUMBER_AT, PATIENCE, SIZE, STRIDE, Refused, Correspondent

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED = range(1, 8)
VERSION, COOKIE, TO_SERVER, MASK_INTERRUPT = 0x200, 0x3E31F20, 1, 1
MESSAGE = 128  # bytes, each of them


class Ring:
    """One ring and its buffers at `at` in the memory."""

    def __init__(self, memory, at, size, ours):
        self.size, self.at, self._memory = size, at, memory
        self.buffers = (at + 128 + 16 * size + 4095) // 4096 * 4096
        self.end = self.buffers + STRIDE * size
        self.length = SIZE if ours else STRIDE
        struct.pack_into("<IH", memory, at, COOKIE, MASK_INTERRUPT)
        # Native 16-bit stores: an index is never seen half written.
        view = memoryview(memory)
        self.head, self.tail = view[at + 6:at + 8].cast("H"), view[at + 64:at + 66].cast("H")
        self.offered = self.taken = 0  # since the connection was made, never wrapping

    def begin(self):
        """Empty, as a new connection finds it."""
        self.offered = self.taken = 0
        self.head[0] = self.tail[0] = 0
        for i in range(self.size):
            self.renew(i)

    def renew(self, slot):
        struct.pack_into("<HHIII", self._memory, self.at + 128 + 16 * slot, 0, 0, self.length, self.buffer(slot), 0)

    def buffer(self, index):
        return self.buffers + STRIDE * (index % self.size)

    def offer(self, count):
        self.offered += count
        self.head[0] = self.offered & 0xFFFF

    def ready(self):
        """How many descriptors weft has done with and we have not looked at yet."""
        return (self.tail[0] - self.taken) & 0xFFFF

    def release(self):
        self.head.release()
        self.tail.release()


class MemifGuest(Correspondent):
    def __init__(self, path, number, peer, ring=256):
        super().__init__(number, peer)
        self.path, self._ring = str(path), ring
        self.socket, self._events = None, []
        self._make_memory()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _make_memory(self):
        total = 2 * Ring(bytearray(1 << 20), 0, self._ring, False).end
        self.file = os.memfd_create("memif-guest", os.MFD_CLOEXEC)
        os.ftruncate(self.file, total)
        self.memory = mmap.mmap(self.file, total)
        self.receive_ring = Ring(self.memory, 0, self._ring, False)
        self.transmit_ring = Ring(self.memory, self.receive_ring.end, self._ring, True)
        for i in range(self._ring):
            at = self.transmit_ring.buffer(i)
            self.memory[at:at + SIZE] = self.frame

    # ---- The connection

    def attach(self, more=()):
        """Connects; both rings run when it returns. more: regions (file descriptor, bytes) beside ours."""
        self.detach()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(self.path)
        self._hear(HELLO)
        self._ask(struct.pack("<HHIB24s32s", INIT, VERSION, 0, 0, b"", b"front end"))
        for index, (file, size) in enumerate([(self.file, len(self.memory)), *more]):
            self._ask(struct.pack("<HHQ", ADD_REGION, index, size), file)
        for flags, ring in ((TO_SERVER, self.transmit_ring), (0, self.receive_ring)):
            ring.begin()
            self._events.append(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
            self._ask(struct.pack("<HHHHIBH", ADD_RING, flags, 0, 0, ring.at, ring.size.bit_length() - 1, 0),
                      self._events[-1])
        self.receive_ring.offer(self._ring)
        self._say(struct.pack("<H32s", CONNECT, b"front end"))
        self._hear(CONNECTED)
        self.kick()

    def _say(self, message, file=None):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))] if file is not None else []
        try:
            self.socket.sendmsg([message.ljust(MESSAGE, b"\0")], ancillary)
        except OSError as error:
            raise Refused(str(error)) from None

    def _hear(self, wanted):
        try:
            message = self.socket.recv(MESSAGE)
        except ConnectionError:
            message = b""
        if len(message) != MESSAGE:
            raise Refused("weft closed the connection")
        kind, = struct.unpack_from("<H", message)
        if kind != wanted:
            raise Refused(f"a message of type {kind} instead of {wanted}: {message[6:].rstrip(bytes(1))!r}")

    def _ask(self, message, file=None):
        self._say(message, file)
        self._hear(ACK)

    def kick(self):
        """The ring to the switch has something new."""
        os.eventfd_write(self._events[0], 1)

    def gone(self):
        """True if weft has closed the connection; its farewell is not kept."""
        while select.select([self.socket], [], [], 0)[0]:
            try:
                if self.socket.recv(MESSAGE) == b"":
                    return True
            except ConnectionError:
                return True
        return False

    def detach(self):
        for event in self._events:
            os.close(event)
        self._events = []
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def close(self):
        self.detach()
        self._drop_memory()

    # ---- Frames

    def send(self, count):
        """Sends up to `count` frames, as many as there is room for; returns how many."""
        ring = self.transmit_ring
        count = min(count, self.room())
        for i in range(count):
            at = ring.buffer(ring.offered + i)
            struct.pack_into("<Q", self.memory, at + NUMBER_AT - NET_HEADER, self.sent + i)
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
            length, = struct.unpack_from("<I", self.memory, ring.at + 128 + 16 * slot + 4)
            at = ring.buffer(slot)
            self.take(self.memory[at:at + length])
            ring.renew(slot)
        ring.taken += count
        if count:
            ring.offer(count)
        return count
