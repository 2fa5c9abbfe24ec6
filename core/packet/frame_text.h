// SPDX-License-Identifier: Apache-2.0
// A frame's first bytes in a line, for people: addresses, VLAN, and what is in it as far as the
// bytes say. Any thread but a worker.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace weft {

// "02:00:00:00:00:02 > 02:00:00:00:00:01, VLAN 7, IPv4 10.0.0.1 > 10.0.0.2, UDP 53 > 4000". It
// stops where the bytes end, and never reads behind them.
std::string DescribeFrame(std::span<const uint8_t> frame);

}  // namespace weft
