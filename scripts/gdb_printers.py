# SPDX-License-Identifier: Apache-2.0
"""gdb's view of weft's types: ids, MAC addresses, packets and frames. Sourced by .gdbinit."""
import re

import gdb
import gdb.printing


class Id:
    """PortId 3, or PortId none."""

    def __init__(self, value):
        tag = re.search(r"(\w+)Tag", str(value.type.strip_typedefs()))
        self._name = tag[1] if tag else "Id"
        self._value = value["value_"]

    def to_string(self):
        none = (1 << (8 * self._value.type.sizeof)) - 1
        return f"{self._name} {'none' if int(self._value) == none else int(self._value)}"


def mac_text(octets):
    return ":".join(f"{int(octets[i]):02x}" for i in range(6))


class MacAddress:
    """02:00:00:00:00:01"""

    def __init__(self, value):
        self._octets = value["octets_"]["_M_elems"]

    def to_string(self):
        return mac_text(self._octets)


class Packet:
    """64 bytes, PortId 0 -> PortId 1, 02:00:00:00:00:11 -> 02:00:00:00:00:12, 1 segment(s)"""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        value = self._value
        text = f"{int(value['length_'])} bytes, {Id(value['in_port_']).to_string()} -> "
        out = Id(value["out_port_"]).to_string()
        text += Id(value["out_group_"]).to_string() if out.endswith("none") else out
        header = value["header_"]
        if int(header) != 0 and int(value["header_length_"]) >= 14:
            try:
                text += f", {mac_text(header + 6)} -> {mac_text(header)}"
            except gdb.MemoryError:
                text += ", unreadable header"
        return f"{text}, {int(value['segment_count_'])} segment(s)"


class Frame:
    """frame of 2 packets = {...}"""

    def __init__(self, value):
        self._value = value

    def to_string(self):
        return f"frame of {int(self._value['size_'])} packets"

    def children(self):
        packets = self._value["packets_"]["_M_elems"]
        for i in range(min(int(self._value["size_"]), 256)):
            yield f"[{i}]", packets[i].dereference()

    def display_hint(self):
        return "array"


def register():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("weft")
    printers.add_printer("Id", r"^weft::Id<.*>$", Id)
    printers.add_printer("MacAddress", r"^weft::MacAddress$", MacAddress)
    printers.add_printer("Packet", r"^weft::Packet$", Packet)
    printers.add_printer("Frame", r"^weft::Frame$", Frame)
    gdb.printing.register_pretty_printer(None, printers, replace=True)


register()
