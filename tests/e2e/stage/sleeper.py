# SPDX-License-Identifier: Apache-2.0
"""A container that sleeps until it is interrupted, which dpdk-testpmd never does."""
import contextlib
import mmap
import os
import socket
import struct
import threading

_GET_FEATURES, _SET_FEATURES, _SET_OWNER, _SET_MEM_TABLE = 1, 2, 3, 5  # vhost-user requests
_SET_VRING_NUM, _SET_VRING_ADDR, _SET_VRING_BASE, _SET_VRING_KICK, _SET_VRING_CALL = 8, 9, 10, 12, 13
_VERSION_1 = 1 << 32
_WRITE = 2  # a descriptor's flag
_SIZE, _BUFFER = 256, 2048
_BASE = 0x10_0000  # of its memory, as it calls it
_RING, _BUFFERS = 0x1_0000, 0x4_0000  # bytes a ring takes; where buffers begin
_AVAILABLE, _USED = 0x1000, 0x2000  # in a ring, behind the descriptors


class Sleeper:
    """Takes every frame, each buffer again at once, and asks for an interrupt whenever it has slept:
    split rings without EVENT_IDX. interrupts: how many it got."""

    def __init__(self, path):
        self._path = str(path)
        self.interrupts = 0
        self._stopping = False

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            length = _BUFFERS + _SIZE * _BUFFER
            self._file = file = os.memfd_create("sleeper")
            stack.callback(os.close, file)
            os.ftruncate(file, length)
            self._memory = stack.enter_context(mmap.mmap(file, length))
            self._socket = stack.enter_context(socket.socket(socket.AF_UNIX))
            self._socket.connect(self._path)
            self._send(_SET_OWNER)
            self._send(_GET_FEATURES)
            self._socket.recv(64)
            self._send(_SET_FEATURES, struct.pack("<Q", _VERSION_1))
            self._send(_SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, _BASE, length, _BASE, 0), file)
            for i in range(_SIZE):
                struct.pack_into("<QIHH", self._memory, 16 * i, _BASE + _BUFFERS + i * _BUFFER, _BUFFER, _WRITE, 0)
                struct.pack_into("<H", self._memory, _AVAILABLE + 4 + 2 * i, i)
            self._offer(_SIZE)
            self._call = self._start_ring(stack, 0)
            self._start_ring(stack, 1)
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
            stack.callback(self._stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def truncate(self):
        """Takes the memory away under weft's hands, and never looks at it again itself."""
        self._stop()
        os.ftruncate(self._file, 0)

    def _stop(self):
        self._stopping = True
        os.eventfd_write(self._call, 1)
        self._thread.join()

    def _send(self, request, payload=b"", *descriptors):
        socket.send_fds(self._socket, [struct.pack("<III", request, 1, len(payload)) + payload], descriptors)

    def _start_ring(self, stack, ring):
        call, kick = os.eventfd(0), os.eventfd(0)
        for descriptor in (call, kick):
            stack.callback(os.close, descriptor)
        at = _BASE + ring * _RING
        self._send(_SET_VRING_NUM, struct.pack("<II", ring, _SIZE))
        self._send(_SET_VRING_BASE, struct.pack("<II", ring, 0))
        self._send(_SET_VRING_ADDR, struct.pack("<IIQQQQ", ring, 0, at, at + _USED, at + _AVAILABLE, 0))
        self._send(_SET_VRING_CALL, struct.pack("<Q", ring), call)
        self._send(_SET_VRING_KICK, struct.pack("<Q", ring), kick)
        os.eventfd_write(kick, 1)
        return call

    def _offer(self, index):
        struct.pack_into("<H", self._memory, _AVAILABLE + 2, index % 0x10000)

    def _run(self):
        while True:
            os.eventfd_read(self._call)
            if self._stopping:
                return
            self.interrupts += 1
            used, = struct.unpack_from("<H", self._memory, _USED + 2)
            self._offer(used + _SIZE)  # they come back in their order, so the ring says so already
