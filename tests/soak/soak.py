#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Bad days: what containers, machines and people do to a switch, again and again.

usage: soak.py [--short] [--minutes N] [--seed N] [--card FILE] [ROW...]
    --short    each row a few times, as ctest does it, instead of its full count
    --minutes  then rows at random for so long, on one weftd
    --card     writes the score card: what was played in full now is renewed beside it, FILE without .md/ROW.json,
               and everything else is there as its last full run left it
    --compose  plays nothing and writes the card of what there is; --check compares it instead
    ROW        only these; --list names them. `hostile` is the suite of containers that lie, `chaos` what --minutes asks
               for, of all rows, or of those that are named, which are played in turn first

Without --card results are left in build/release/soak/full or short; the exit status is 0 if nothing was lost or left
behind.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import scene
from scene import e2e
import addresses
import card
import containers
import control
import outages
import parts
import plugins
import resources

HOSTILE, CHAOS = "hostile", "chaos"  # parts of the card like rows


class Row:
    """play(tally, count, stage, dice) on a stage that others use too; play(tally, count, dice) if it is
    `apart`, with a stage of its own. short, full: counts. in_full: what is played then, if it is more than more often.
    A row without a short form is for `make soak` alone; in ctest `stand_in`, another test, plays a sample of the same.
    """

    def __init__(self, name, says, short, full, play, apart=False, in_full=None, stand_in=None):
        self.name, self.says, self.short, self.full = name, says, short, full
        self.play, self.apart, self.in_full, self.stand_in = play, apart, in_full or play, stand_in

    def forms(self):
        return f"{self.says}: {self.full} times" + (f"; in ctest {self.stand_in}" if self.stand_in else "")


ROWS = [
    Row("killed", "a container is killed in mid-burst", 10, 1000, containers.killed),
    Row("reconnected", "a container comes back, with old rings or new ones", 10, 500, containers.reconnected),
    Row("ring-kinds", "two containers come with each kind of ring, and go", 6, 500, containers.ring_kinds),
    Row("virtio-user", "every kind of virtio-user ring: a container dies, both come back after weftd is killed",
        0, 1, containers.virtio_user, apart=True, stand_in="e2e_matrix"),
    Row("swapped", "a memory table is replaced under traffic, one in 50 by a wrong one", 100, 10_000,
        containers.swapped),
    Row("stopped", "a receiver stands still under traffic", 5, 100, containers.stopped),
    Row("flooded", "a socket is flooded with 1,000 connections (at random: 50): silent, half a message, nonsense, "
        "replies never read", 3, 20, containers.flooded, in_full=containers.flooded_in_full),
    Row("mac-flood", "containers speak with a million addresses (at random: 75,000), their neighbours' and each "
        "other's", 150_000, 1_000_000, addresses.mac_flood, apart=True),
    Row("weftd-killed", "weftd is killed under traffic of containers that listen", 4, 100,
        outages.weftd_killed, apart=True),
    Row("weftd-stopped", "weftd stands still under traffic", 4, 100, outages.weftd_stopped),
    Row("ports", "a port is added and deleted under traffic", 40, 10_000, control.ports_come_and_go),
    Row("sockets", "something is where a socket is to be, or its path is too long", 1, 100,
        control.sockets_in_the_way),
    Row("reloads", "startup.conf is read again, good and bad", 20, 1000, control.reloads, apart=True),
    Row("plugin-replaced", "two builds of a plugin take turns, and the victims' frames pass it", 20, 1000,
        plugins.replaced, apart=True),
    Row("plugin-loaded", "a plugin is loaded and unloaded", 20, 1000, plugins.loaded, apart=True),
    Row("nic", "a NIC's interface is deleted and made again", 2, 100, control.nic_comes_and_goes, apart=True),
    # Of 10,000 allocations most are the loader's, which brings in DPDK's drivers: all of them would take an hour.
    Row("starts", "weftd starts and one call fails, each in turn: it goes without, or ends with a sentence", 2, 1500,
        resources.starts, apart=True),
    Row("ports-added", "a port of vhost, memif, tap or net_null is added and one call fails, each in turn: allocation, "
        "map, descriptor, thread, epoll, bind", 1, 3, resources.ports_added, apart=True,
        in_full=resources.ports_added_in_full),
    Row("few-descriptors", "ports are added with 64 descriptors for everything", 1, 20,
        resources.few_descriptors, apart=True),
    Row("huge-pages", "weftd is to have more memory than there is", 1, 20, resources.huge_pages, apart=True),
    Row("clocks", "the wall clock jumps by years", 5, 200, resources.clocks, apart=True),
]


def play(row, short, count, dice, stage=None):
    """Plays the row `count` times, on `stage` if it may; its Tally."""
    tally, once = scene.Tally(row.name, row.says), row.play if short else row.in_full
    with tally.guarded():
        if row.apart:
            once(tally, count, dice)
        elif stage is not None:
            with stage.watch(tally):
                once(tally, count, stage, dice)
        else:
            with scene.Scene() as own, own.watch(tally):
                once(tally, count, own, dice)
    return tally


def report(tally):
    found = tally.as_json()
    print(f"{'good' if found['good'] else 'BAD '}  {tally.name}: {tally.survived} of {tally.tried}, victims "
          f"{tally.victims}, left {tally.leaks}, {found['outages']}, {found['figures']} {tally.error}", flush=True)
    return found


def rows_in_turn(rows, short, seed, store, stamp):
    """Whether all is well with them; nothing if none was played."""
    well = None
    for row in rows:
        try:
            tally = play(row, short, row.short if short else row.full, random.Random(f"{seed} {row.name}"))
        except e2e.Skip as reason:
            print(f"skipped  {row.name}: {reason}", flush=True)
            store.skipped(row.name, reason, stamp)
            continue
        found = report(tally)
        store.write(row.name, found | stamp)
        well = found["good"] and well is not False
    return well


CHAOS_SLACK = 256  # KiB by which weftd's own memory may grow while rows are played at random, however long


def growth(readings):
    """KiB, of [(row, KiB when it had been played)]: from the tenth of them behind the first, and behind the first of
    each row, to the last tenth. What those bring with them is what later rows use again. Of a tenth the least counts:
    what waits for a worker or a timer at one reading is gone at the next."""
    tenth = max(1, len(readings) // 10)
    firsts = {row: at for at, (row, _) in reversed(list(enumerate(readings)))}
    warm = min(max(tenth, 1 + max(firsts.values())), len(readings) - tenth)
    memory = [kib for _, kib in readings]
    return min(memory[-tenth:]) - min(memory[warm:warm + tenth])


def chaos(rows, minutes, seed):
    """Rows at random on one weftd; what they found, together by row."""
    dice, until, sums, memory, skipped = random.Random(seed), time.monotonic() + 60 * minutes, {}, [], {}
    with scene.Scene() as stage:
        while time.monotonic() < until:
            row = dice.choice([row for row in rows if row.name not in skipped])
            try:
                tally = play(row, True, max(1, row.short // 2), dice, stage)
            except e2e.Skip as reason:
                print(f"skipped  {row.name}: {reason}", flush=True)
                skipped[row.name] = str(reason)
                continue
            if row.name in sums:
                sums[row.name].add(tally)
            else:
                sums[row.name] = tally
            memory.append((row.name, stage.heap()))
            if tally.error:
                report(tally)
                break
    found = [report(sums[row.name]) for row in rows if row.name in sums]
    grown = growth(memory)
    result = {"minutes": minutes, "seed": seed, "rows": found, "not-played": skipped, "heap-kib": grown,
              "heap-kib-allowed": CHAOS_SLACK,
              "good": grown <= CHAOS_SLACK and all(row["good"] for row in found)}
    print(f"{'good' if result['good'] else 'BAD '}  chaos: {len(memory)} rows, weftd's memory grew by {grown} KiB of "
          f"{CHAOS_SLACK} that it may", flush=True)
    return result


RACE_FRAMES = 50_000_000  # with mac-guard, and as many without


def hostile_suite():
    """What the front-end that lies leaves, in full."""
    program = e2e.BUILD / "weft-hostile"
    if not program.exists():
        e2e.skip("weft-hostile is not built here")
    with tempfile.TemporaryDirectory(prefix="weft-soak-") as folder:
        file = pathlib.Path(folder) / "hostile.json"
        status = subprocess.run([program, "--full", f"--race_frames={RACE_FRAMES}", f"--weftd={e2e.BUILD / 'weftd'}",
                                 f"--plugins={e2e.BUILD / 'plugins'}", f"--json={file}"], stdout=subprocess.DEVNULL,
                                check=False).returncode
        if not file.exists():
            raise AssertionError(f"weft-hostile left no result; its exit status is {status}")
        found = json.loads(file.read_text())
    return found | {"good": found["good"] and status == 0}


def hostile_in_turn(store, stamp):
    """Whether all is well with it, or nothing if it was not played; what there was of it stays if it dies."""
    try:
        found = hostile_suite()
    except e2e.Skip as reason:
        print(f"skipped  {HOSTILE}: {reason}", flush=True)
        store.skipped(HOSTILE, reason, stamp)
        return None
    except AssertionError as error:
        print(f"BAD   {HOSTILE}: {error}", flush=True)
        store.skipped(HOSTILE, error, stamp)
        return False
    store.write(HOSTILE, found | stamp)
    print(f"{'good' if found['good'] else 'BAD '}  {HOSTILE}: {found['survived']} of {found['tried']}", flush=True)
    return found["good"]


def compose(file, check=False):
    """The card of what there is; whether it is in the file."""
    text = card.Card(parts.Parts(parts.folder_of(file)), {row.name: row.says for row in ROWS},
                     card.fuzz_targets(parts.ROOT)).text()
    if not check:
        file.write_text(text)
    elif file.read_text() != text:
        print(f"{file} is not what its parts say: tests/soak/soak.py --compose writes it")
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--card", type=pathlib.Path)
    parser.add_argument("--compose", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("rows", nargs="*")
    options = parser.parse_args()
    by_name = {row.name: row for row in ROWS}
    if options.list:
        print("\n".join(f"{row.name}: {row.forms()}" for row in ROWS if row.short or not options.short))
        return 0
    if options.compose:
        return 0 if compose(options.card or parts.CARD, options.check) else 1
    if unknown := set(options.rows) - {*by_name, HOSTILE, CHAOS}:
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    if CHAOS in options.rows and not options.minutes:
        parser.error("chaos takes --minutes")
    if options.short and options.card:
        parser.error("a score card is of full runs")
    return run([by_name[name] for name in options.rows if name in by_name] if options.rows else ROWS,
               not options.short and HOSTILE in (options.rows or [HOSTILE]), options)


def run(rows, lies, options):
    """lies: whether the hostile suite is played too."""
    e2e.interruptible(0 if not options.short else e2e.TIME_LIMIT)
    print(f"seed {options.seed}", flush=True)
    stamp = parts.stamp()
    store = parts.Parts(parts.folder_of(options.card) if options.card
                        else e2e.BUILD / "soak" / ("short" if options.short else "full"))
    well = [rows_in_turn(rows, options.short, options.seed, store, stamp)]
    if options.minutes:
        at_random = chaos([row for row in rows or ROWS if row.short], options.minutes, options.seed)
        store.write(CHAOS, at_random | stamp)
        well.append(at_random["good"])
    if lies:
        well.append(hostile_in_turn(store, stamp))
    if options.card:
        compose(options.card)
    if well == [None]:
        return e2e.SKIPPED if options.short else 1
    return 0 if False not in well else 1


if __name__ == "__main__":
    sys.exit(main())
