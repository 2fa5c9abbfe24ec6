# SPDX-License-Identifier: Apache-2.0
"""Prometheus's half: fetching a page, reading it, and the judgement of promtool."""
import http.client
import re
import shutil
import subprocess

from .checks import skip, wait_for
from .switch import ROOT

# `keys` for a config: wherever there is a free port.
METRICS = '[metrics]\nlisten = "127.0.0.1:0"\n'
SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def address(weft):
    """(host, port) of the metrics."""
    found = wait_for(lambda: re.search(r"metrics: http://(.*):(\d+)/metrics", weft.log()), "where metrics are")
    return found[1], int(found[2])


def fetch(weft, path="/metrics", method="GET"):
    """(status, content type, text) of a page."""
    connection = http.client.HTTPConnection(*address(weft), timeout=60)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


def samples(text):
    """{(name, frozenset of its (label, value)): value}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        key = name, frozenset(LABEL.findall(labels or ""))
        if key in found:
            raise AssertionError(f"twice: {line}")
        found[key] = float(value)
    return found


def promtool(*words, text=None):
    """Runs promtool; a CompletedProcess."""
    program = shutil.which("promtool") or ROOT / "build" / "unpacked" / "usr" / "bin" / "promtool"
    if not shutil.which(program):
        skip("promtool is not there; `scripts/setup unpacked` gets it")
    return subprocess.run([program, *words], input=text, text=True, capture_output=True, timeout=60)
