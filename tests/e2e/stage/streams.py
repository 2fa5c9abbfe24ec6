# SPDX-License-Identifier: Apache-2.0
"""What two namespaces say to each other, by programs that run in them and compare what arrives."""
import hashlib
import random
import subprocess
import sys

from .checks import equal, wait_for

PORT = 4711
FRAME_TYPE = "88b5"  # IEEE 802, for experiments

RECEIVE_STREAM = """
import hashlib, socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("", int(sys.argv[1])))
server.listen()
print("ready", flush=True)
connection, _ = server.accept()
digest, length = hashlib.sha256(), 0
while data := connection.recv(1 << 16):
    digest.update(data)
    length += len(data)
connection.sendall(b"!")
print(digest.hexdigest(), length, flush=True)
"""

SEND_STREAM = """
import random, socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
connection.sendall(random.Random(int(sys.argv[3])).randbytes(int(sys.argv[4])))
connection.shutdown(socket.SHUT_WR)
assert connection.recv(1) == b"!"
"""

RECEIVE_FRAMES = """
import socket, sys
count, size, seed = map(int, sys.argv[1:4])
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
port.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
port.bind(("eth0", 0x88b5))
port.settimeout(60)
print("ready", flush=True)
for number in range(count):
    frame = port.recv(1 << 16)
    body = number.to_bytes(4, "big") + bytes((seed + number + i) % 256 for i in range(size - 18))
    assert frame[14:] == body, (number, frame[14:18].hex(), len(frame))
port.settimeout(0.2)
try:
    more = port.recv(1 << 16)
    print("one too many", more.hex(), flush=True)
except TimeoutError:
    print("all", flush=True)
"""

SEND_FRAMES = """
import socket, sys, time
to, count, size, seed = bytes.fromhex(sys.argv[1]), *map(int, sys.argv[2:5])
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("eth0", 0))
source = port.getsockname()[4]
for number in range(count):
    body = number.to_bytes(4, "big") + bytes((seed + number + i) % 256 for i in range(size - 18))
    port.send(to + source + b"\\x88\\xb5" + body)
    if number % 64 == 63:
        time.sleep(0.001)
"""


def _receiver(namespace, program, *words):
    process = subprocess.Popen([*namespace.prefix, sys.executable, "-c", program, *map(str, words)], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        equal(process.stdout.readline(), "ready\n", "what the receiver says first")
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return process


def _end(process):
    wait_for(lambda: process.poll() is not None, "the receiver's end")
    return process.stdout.read()


def stream(sender, receiver, address, length, seed):
    """Sends `length` bytes over TCP to the receiver's address; they have to arrive as they are."""
    process = _receiver(receiver, RECEIVE_STREAM, PORT)
    try:
        sender.run(sys.executable, "-c", SEND_STREAM, address, PORT, seed, length, timeout=90)
        wanted = hashlib.sha256(random.Random(seed).randbytes(length)).hexdigest()
        equal(_end(process).split(), [wanted, str(length)], "digest and length of what arrived")
    finally:
        process.kill()
        process.communicate()


def frames(sender, receiver, mac, count, size, seed):
    """Sends so many Ethernet frames; they have to arrive byte for byte, in order, and no others."""
    process = _receiver(receiver, RECEIVE_FRAMES, count, size, seed)
    try:
        sender.run(sys.executable, "-c", SEND_FRAMES, mac.replace(":", ""), count, size, seed, timeout=90)
        equal(_end(process), "all\n", "what the receiver says last")
    finally:
        process.kill()
        process.communicate()
