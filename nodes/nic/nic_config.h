// SPDX-License-Identifier: Apache-2.0
// What startup.conf says of a NIC's port: `dpdk = { device = "0000:3b:00.1", queues = 1 }`.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/base/ids.h"
#include "core/config/reader.h"
#include "core/config/schema.h"

namespace weft::nic {

struct NicConfig {
  static constexpr uint16_t kMaxQueues = kMaxWorkers;

  std::string device;
  uint16_t queues = 1;
  bool promiscuous = true;
  bool wait = false;

  static constexpr auto kFields = Fields(
      Field<&NicConfig::device>(
          "device", "PCI address, or a DPDK device string such as \"net_af_packet0,iface=eth1\"",
          Required{}, NotEmpty{}),
      Field<&NicConfig::queues>("queues", "receive queues, spread over the workers",
                                Range{1, kMaxQueues}),
      Field<&NicConfig::promiscuous>(
          "promiscuous",
          "whether frames for any address come in; else those for the NIC's own, and multicasts"),
      Field<&NicConfig::wait>("wait",
                              "whether a device that is not there at the start is waited for; else "
                              "it is a mistake"));

  // A device that names nothing, or another number of queues.
  void Check(const Value& table, const Place& place) const;
};

// Two ports that name the same device. See Schemas::Kind.
void CheckDevices(std::span<const KindUse> ports);

}  // namespace weft::nic
