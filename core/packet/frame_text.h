// SPDX-License-Identifier: Apache-2.0
// A frame's bytes as text, for people. Any thread but a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

// The first bytes in a line: addresses, VLAN, and what is in it as far as the bytes say:
// "02:00:00:00:00:02 > 02:00:00:00:00:01, VLAN 7, IPv4 10.0.0.1 > 10.0.0.2, UDP 53 > 4000". It
// stops where the bytes end, and never reads behind them.
std::string DescribeFrame(std::span<const uint8_t> frame);

// Bytes from digits, which may stand in groups: "ffff ffff ffff" or "ff:ff". Nothing if they are
// something else, or half a byte is left.
std::optional<std::vector<uint8_t>> FromHex(std::string_view text);
// Digits, in groups where an Ethernet header has its parts: "020000000002 020000000001 0800 4500".
std::string FrameToHex(std::span<const uint8_t> frame);

}  // namespace weft
