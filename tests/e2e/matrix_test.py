# SPDX-License-Identifier: Apache-2.0
"""Every kind of ring that testpmd's virtio-user has, with and without huge pages, whoever listens: each
cell of the matrix sends, and survives the end of its container and of weftd.

A short form, in which each two values of two options meet in some cell, unless WEFT_MATRIX is "full".
"""
import contextlib
import itertools
import os
import random

from weft_e2e import HugePages, Pair, Weftd, at_least, drain, equal, run, wait_equal, wait_for
from weft_e2e import mac, ports

OPTIONS = {
    "packed": (0, 1),
    "in_order": (0, 1),
    "mergeable": (0, 1),
    "vectorized": (0, 1),
    "queues": (1, 2),
    "server": (False, True),
    "memory": ("no-huge", "in-memory"),
}
TOGETHER = 4  # cells that share a weftd: each has two containers


def all_cells():
    return [dict(zip(OPTIONS, values)) for values in itertools.product(*OPTIONS.values())]


def pairs_of(cell):
    return set(itertools.combinations(cell.items(), 2))


def covering_cells():
    """Few cells in which all pairs of values meet: the best of some, until none is missing."""
    cells, chosen = all_cells(), []
    missing = set().union(*map(pairs_of, cells))
    random.Random(1).shuffle(cells)
    while missing:
        best = max(cells, key=lambda cell: len(pairs_of(cell) & missing))
        missing -= pairs_of(best)
        chosen.append(best)
    return chosen


def name_of(cell):
    return " ".join(f"{name}={value}" for name, value in cell.items())


class Cell(Pair):
    """Two containers of one kind."""

    def __init__(self, weft, number, kind):
        self.kind = kind
        device = (f"packed_vq={kind['packed']},in_order={kind['in_order']},"
                  f"mrg_rxbuf={kind['mergeable']},vectorized={kind['vectorized']}")
        super().__init__(weft, names_of(number), numbers_of(number), device=device, server=kind["server"],
                         queues=kind["queues"], memory=kind["memory"])

    def check_negotiated(self, weft):
        for name in self.names:
            negotiated = weft.ctl(f"show port {name}")["negotiated"].split(", ")
            for option, feature in (("packed", "packed"), ("in_order", "in-order"),
                                    ("mergeable", "mrg-rxbuf")):
                equal(feature in negotiated, bool(self.kind[option]), f"{feature} of {name}")
            wait_equal(lambda: weft.ctl(f"show port {name}")["queues-running"], self.kind["queues"],
                       f"queues of {name}")

    def sends(self):
        self.start()
        self.wait_frames()
        self.finish()

    def one_dies(self):
        """In mid-burst; the other one stays."""
        dying, staying = self.containers.values()
        self.start()
        self.wait_frames()
        dying.kill()
        # What is still in its ring must not come when others are counted.
        drain(staying)
        wait_for(lambda: self.frames()[1] == staying.stats()["rx-packets"], f"{self.names[1]} has all of its frames")
        dying.start_process()

    def rest(self):
        for container in self.containers.values():
            container.stop()

    def start_again(self):
        for container in self.containers.values():
            container.kill()
            container.start_process()

    def wait_ready(self, weft):
        for container in self.containers.values():
            container.ready()
        weft.wait_up(*self.names)


def names_of(number):
    return f"a-{number}", f"b-{number}"


def numbers_of(number):
    return 2 * number + 1, 2 * number + 2


def config_of(kinds):
    text = f"[workers]\ncores = {sorted(os.sched_getaffinity(0))[:2]}\n"
    for number, kind in enumerate(kinds):
        for name, address in zip(names_of(number), numbers_of(number)):
            text += ports(name, options=f'mac = "{mac(address)}"').replace(
                'listen = "weft"',
                f'listen = "{"container" if kind["server"] else "weft"}", queues = {kind["queues"]}')
    return text


def together(kinds):
    with Weftd(config_of(kinds)) as weft, contextlib.ExitStack() as stack:
        cells = []
        for number, kind in enumerate(kinds):
            print(f"         cell     {name_of(kind)}", flush=True)
            cells.append(stack.enter_context(Cell(weft, number, kind)))
        for cell in cells:
            cell.check_negotiated(weft)
            cell.sends()
        for cell in cells:
            cell.one_dies()
        for cell in cells:
            cell.wait_ready(weft)
            cell.sends()
        # When it is found again, virtio-user resets packed rings under its data path after a wait of 1 ms:
        # enough for an idle machine, not for this one. It is at rest here.
        for cell in cells:
            cell.rest()
        weft.kill()
        weft.start()
        # Who listens is found again. Who does not, in this driver, looks for weft once.
        for cell in cells:
            if not cell.kind["server"]:
                cell.start_again()
        for cell in cells:
            cell.wait_ready(weft)
            cell.check_negotiated(weft)
            cell.sends()


def every_cell_sends_and_survives():
    cells = all_cells() if os.environ.get("WEFT_MATRIX") == "full" else covering_cells()
    at_least(len(cells), 4, "cells")
    with HugePages(64 * TOGETHER):
        for first in range(0, len(cells), TOGETHER):
            together(cells[first:first + TOGETHER])


if __name__ == "__main__":
    run(every_cell_sends_and_survives)
