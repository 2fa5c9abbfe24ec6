# SPDX-License-Identifier: Apache-2.0
"""What tests say: skips, comparisons, and waits that always end."""
import os
import shutil
import time


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


class OutOfTime(BaseException):
    """The test took longer than its time limit."""


# Ends of a test that nobody has to look into.
GOOD_ENDS = (None, Skip, KeyboardInterrupt)


def skip(reason):
    raise Skip(reason)


def require_root():
    if os.geteuid() != 0:
        skip("needs root")


def ordinary_user():
    """The uid of somebody without rights: nobody if we are root, else None, which is ourselves."""
    return 65534 if os.geteuid() == 0 else None


def require_program(name):
    if shutil.which(name) is None:
        skip(f"{name} is not installed")


def equal(found, expected, what):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def at_least(found, least, what):
    if found < least:
        raise AssertionError(f"{what}: expected at least {least!r}, found {found!r}")


def wait_for(condition, what, timeout=60.0, interval=0.02):
    """Calls condition until it returns something true, and returns that; AssertionError after timeout
    seconds. The time is a guard against hanging, never the thing under test."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for: {what}")
        time.sleep(interval)


def wait_equal(sample, expected, what, timeout=60.0):
    """Calls sample until it returns what is expected; AssertionError with the last found otherwise."""
    found = None

    def reached():
        nonlocal found
        found = sample()
        return found == expected
    try:
        wait_for(reached, what, timeout)
    except AssertionError:
        equal(found, expected, f"{what}, after {timeout:g} s")
