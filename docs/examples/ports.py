#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints each port's packets a second, once a second: ports.py [control socket]"""
import json, socket, sys, time

control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1] if len(sys.argv) > 1 else "/run/weft/control.sock")
lines = control.makefile("rw")
before = {}
while True:
    lines.write(json.dumps({"command": "show ports"}) + "\n")
    lines.flush()
    for port in json.loads(lines.readline())["data"]:
        now = port["rx-packets"], port["tx-packets"]
        rx, tx = (new - old for new, old in zip(now, before.get(port["name"], now)))
        print(f'{port["name"]:16} {port["state"]:6} {rx:10} in {tx:10} out', flush=True)
        before[port["name"]] = now
    time.sleep(1)
