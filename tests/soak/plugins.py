# SPDX-License-Identifier: Apache-2.0
"""Rows in which plugins come, are replaced and go while the victims send."""
import contextlib

import scene
from scene import e2e
from plugins_test import copies, descriptors, directory, sample, states

WARM = 200  # turns until what is kept for the next one is there, and the logs in memory are full
# A port in a bridge of its own, whose frames a turnstile drops: they begin with its letter.
DROPPED = ('[[bridge]]\nname = "other"\n[[bridge]]\nname = "default"\n[[port]]\nname = "dropped"\nbridge = "other"\nvhost = {}\n'
           f'mac = "{e2e.mac(9)}"\n')
LETTER = "78:fa:00:00:00:08"  # an address that begins with an x, turnstile's letter unless a table has another


def _turns(tally, count, stage, one):
    """Plays one(turn): first to warm up, then so that descriptors and memory stay what they are."""
    for turn in range(1, WARM + 1):
        one(turn)
    before = descriptors(stage.weft)
    with stage.flat_memory(tally):
        for turn in range(WARM + 1, WARM + count + 1):
            with tally.case():
                one(turn)
    tally.leaks["descriptors"] = max(0, descriptors(stage.weft) - before)


def dropped(weft, build):
    return weft.drops().get(("dropped", "turnstile", f"by-{build}"), 0)


@contextlib.contextmanager
def sends(weft):
    """Frames as if somebody behind `dropped` sent them."""
    weft.ctl(f"plugin load {e2e.BUILD / 'plugins' / 'packet-generator.so'}")
    weft.ctl(f"packet-generator add letters dropped rate=100kpps source-mac={e2e.mac(9)} destination-mac={LETTER}")
    yield
    weft.ctl("packet-generator delete letters")
    weft.ctl("plugin unload packet-generator")


def others(weft):
    """The plugins beside the one that makes the frames."""
    return {plugin: state for plugin, state in states(weft).items() if plugin[0] != "packet-generator"}


def replaced(tally, count, dice):
    """Each build is seen to run: it answers, and frames are dropped for its reason and not for the other's. What it
    has to remember is handed on each time, and there is one copy of its code. The victims' frames pass it too."""
    builds = {build: sample(f"{build}/turnstile") for build in "ab"}
    more = f'[plugins]\n{directory("a")}\nload = ["turnstile"]\n{DROPPED}turnstile = {{}}\n'
    with scene.Scene(more, "turnstile = {}\n") as stage, stage.watch(tally):
        weft = stage.weft

        def one(turn):
            build, other = ("ba", "ab")[turn % 2 == 0]
            weft.ctl(f"plugin replace turnstile {builds[build]}")
            e2e.equal(weft.ctl("show turnstile"), f"{build} {turn}\n", "the state that is handed on")
            e2e.wait_for(lambda: dropped(weft, build) > 0, f"drops by build {build} in turn {turn}", interval=0.002)
            e2e.wait_equal(lambda: others(weft), {("turnstile", build): "running"}, f"plugins after turn {turn}")
            e2e.equal((copies(weft, "turnstile"), dropped(weft, other)), (1, 0), "copies, drops by the other")
        with sends(weft):
            _turns(tally, count, stage, one)
        stage.settle("plugins that were replaced")


def loaded(tally, count, dice):
    """A plugin comes, meets the frames of two ports, and goes; each time nothing of its code is left. Those of `dropped`
    it drops, those of a victim pass it."""
    plugin = sample("a/turnstile")
    with scene.Scene(DROPPED) as stage, stage.watch(tally):
        weft = stage.weft

        def one(turn):
            weft.ctl(f"plugin load {plugin}")
            e2e.equal((others(weft), copies(weft, "turnstile")), ({("turnstile", "a"): "running"}, 1), "plugins")
            e2e.equal(dropped(weft, "a"), 0, "drops of the one before")
            for port in "dropped", "victim-a":
                weft.ctl(f"port feature set {port} turnstile")
            received = stage.victims.counts()["received"]
            e2e.wait_for(lambda: dropped(weft, "a") > 0 and stage.victims.counts()["received"] > received,
                         f"frames that it drops and that pass it in turn {turn}", interval=0.002)
            for port in "dropped", "victim-a":
                weft.ctl(f"port feature delete {port} turnstile")
            weft.ctl("plugin unload turnstile")
            e2e.wait_equal(lambda: others(weft), {}, f"plugins after turn {turn}")
            e2e.equal(copies(weft, "turnstile"), 0, "copies")
        with sends(weft):
            _turns(tally, count, stage, one)
        stage.settle("plugins that came and went")
