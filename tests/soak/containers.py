# SPDX-License-Identifier: Apache-2.0
"""Rows in which containers die, come back, change their memory, stand still or knock all day."""
import random
import time

import scene
from child import Child, receiver, sender
from scene import GUESTS, e2e

LIFE = 0.003  # seconds at most that a container lives on in its burst


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
                tally.measured("killed until its port is down", scene.now() - begin)
        for port in ("guest-a", "guest-b"):
            stage.wait_down(port)
        stage.settle("a kill")
