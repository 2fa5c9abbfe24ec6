// SPDX-License-Identifier: Apache-2.0
// What startup.conf says of such a port: `af-xdp = { interface = "veth1", queues = 1 }`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/sdk/weft.h"

namespace weft::af_xdp {

// How frames come out of the interface's driver.
enum class Mode : uint8_t { kAuto, kCopy, kZeroCopy };

consteval auto LabelsOf(Mode) {
  return Labels<Mode>({{Mode::kAuto, "auto", "without a copy if the driver can, else with one"},
                       {Mode::kCopy, "copy", "the kernel copies each frame"},
                       {Mode::kZeroCopy, "zero-copy", "without a copy, or not at all"}});
}

struct AfXdpConfig {
  std::string interface;
  std::optional<std::string> netns;
  uint16_t queues = 1;
  Mode mode = Mode::kAuto;
  bool busy_poll = false;
  bool complete_checksums = true;

  static constexpr auto kFields = Fields(
      Field<&AfXdpConfig::interface>("interface", "the kernel's interface, weft's from then on",
                                     Required{}, NotEmpty{}),
      Field<&AfXdpConfig::netns>("netns",
                                 "the network namespace that it is in, by its name in /run/netns "
                                 "or by a path; without it weftd's own",
                                 NotEmpty{}),
      Field<&AfXdpConfig::queues>("queues", "receive queues of the interface: all that it has",
                                  Range{1, kMaxWorkers}),
      Field<&AfXdpConfig::mode>("mode", "how frames come out of the interface's driver"),
      Field<&AfXdpConfig::busy_poll>(
          "busy-poll", "whether the worker drives a NIC's queues itself, instead of interrupts"),
      Field<&AfXdpConfig::complete_checksums>(
          "complete-checksums",
          "whether TCP and UDP checksums that a kernel left to its device are filled in"));
  void Check(const Value& table, const Place& place) const;

  // The namespace as a path; empty for weftd's own.
  std::string NetnsPath() const;
};

// Two ports with one interface, or an mtu whose frames have no room. See Schemas::Kind.
void CheckPorts(std::span<const KindUse> ports);

}  // namespace weft::af_xdp
