// SPDX-License-Identifier: Apache-2.0
// What is decided about a device before it is there: the text that DPDK makes it of, how many
// queues it has, and how much memory its frames need. Nothing here asks DPDK. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "nodes/nic/device.h"
#include "nodes/nic/mbuf_pools.h"

namespace weft::nic {

// What startup.conf and the switch want of a device.
struct DeviceSettings {
  uint16_t mtu = 1500;   // bytes of payload
  uint16_t queues = 1;   // to receive from
  uint16_t workers = 1;  // that may send
  bool promiscuous = true;
};

inline constexpr uint16_t kPciDescriptors = 1024;
// Drivers of virtual devices keep few mbufs or none in their rings.
inline constexpr uint16_t kVirtualDescriptors = 256;
// Mbufs of each queue beside those in rings: a vector that comes in, one that goes out, and what
// workers keep at hand in their caches.
inline constexpr uint32_t kInFlight = 1024;
// Ethernet header, VLAN tag and check sequence: what may come on top of the MTU.
inline constexpr uint32_t kOverhead = 14 + 4 + 4;

// Name and arguments as DPDK reads them, with those that follow from the settings.
std::string PlugText(const Device& device, const DeviceSettings& settings);

// How large the pool of such a device will be.
MbufPools::Size PoolSize(const Device& device, const DeviceSettings& settings);

// Whether the slots that net_af_packet shares with the kernel hold the port's longest frame.
bool SlotsHoldFrames(const Device& device, const DeviceSettings& settings);

// How many transmit queues to ask for if the device offers up to `most`: on hardware one for each
// worker. A virtual device's are one thing with its receive queues (a TAP's descriptor, a ring that
// the other end has too), so there are as many.
uint16_t TransmitQueues(const Device& device, const DeviceSettings& settings, uint16_t most);

}  // namespace weft::nic
