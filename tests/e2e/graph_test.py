# SPDX-License-Identifier: Apache-2.0
"""The graph as the shell draws it: text, dot and SVG say the same, with rates where packets go."""
import collections
import re
import xml.etree.ElementTree

from weft_e2e import Weftd, equal, mac, ports, run, wait_for

SVG = "{http://www.w3.org/2000/svg}"
# A NIC that sends all the time, so that packets are where the test wants them.
UPLINK = '[[port]]\nname = "uplink"\nbridge = "default"\ndpdk = {{ device = "{}" }}\n'
GUARDED = ports("web-1", options=f'mac-guard = {{ allow = "{mac(1)}" }}') + ports("web-2")


def of_text(text):
    """{(from, to): rate or ""}, and the nodes in their order."""
    arcs, nodes = {}, []
    for line in re.sub(r" \|\n +", " | ", text).splitlines():
        node, _, ways = (part.strip() for part in line.partition("->"))
        nodes.append(node)
        for way in filter(None, ways.split(" | ")):
            to, _, rate = way.partition(" ")
            equal((node, to) in arcs, False, f"{node} -> {to} is there once")
            arcs[node, to] = rate
    return arcs, nodes


def of_dot(text):
    arcs = {(a, b): rate or "" for a, b, rate in re.findall(r'^  "(.+)" -> "(.+?)"(?: \[label="(.+)"\])?;$', text, re.M)}
    return arcs, re.findall(r'^  "(.+)" \[tooltip="', text, re.M)


def of_svg(text):
    root = xml.etree.ElementTree.fromstring(text)
    equal(root.tag, SVG + "svg", "the root")
    arcs, nodes = collections.Counter(), []
    rates = {}
    for group in root.iter(SVG + "g"):
        title, label = group.find(SVG + "title").text, group.find(SVG + "text")
        if group.get("class") == "node":
            nodes.append(label.text)
        else:
            arc = tuple(title.split(" -> "))
            arcs[arc] += 1
            rates[arc] = "" if label is None else label.text
    equal(max(arcs.values()), 1, "each arc is there once")
    return rates, nodes


def all_three_say_the_same():
    with Weftd('[plugins]\nload = ["mac-guard"]\n' + GUARDED + UPLINK.format("net_ring0")) as weft:
        text = of_text(weft.ctl("show graph"))
        equal(text[0][("mac-guard", "l2-switch")], "", "an arc without a packet has no rate")
        equal({"vhost-input", "dpdk-input", "port-input", "mac-guard", "l2-switch", "flood", "port-output",
               "vhost-output", "nic-output"}, set(text[1]), "the nodes")
        equal(of_dot(weft.ctl("show graph dot")), text, "dot")
        equal(of_svg(weft.ctl("show graph svg")), text, "SVG")
        weft.ctl("port delete web-1")
        text = of_text(weft.ctl("show graph"))
        equal("mac-guard" in text[1], False, "no port has the feature any more")
        equal(of_svg(weft.ctl("show graph svg")), text, "SVG")


def rates_are_where_packets_go():
    # What comes from this device is of no valid source, hence all of it ends in the switch.
    with Weftd(ports("web-1") + UPLINK.format("net_null0")) as weft:
        def busy(of, command):
            return {arc for arc, rate in of(weft.ctl(command))[0].items() if re.fullmatch(r"[0-9.]+[kMG]?/s", rate)}
        for of, command in ((of_text, "show graph"), (of_dot, "show graph dot"), (of_svg, "show graph svg")):
            wait_for(lambda: busy(of, command), f"{command} has a rate")
            equal(busy(of, command), {("dpdk-input", "l2-switch")}, command)
        weft.ctl("port delete uplink")
        wait_for(lambda: not busy(of_text, "show graph"), "no rates without packets")


if __name__ == "__main__":
    run(all_three_say_the_same, rates_are_where_packets_go)
