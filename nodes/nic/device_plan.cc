// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/device_plan.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "core/base/text.h"

namespace weft::nic {
namespace {

constexpr uint32_t kCommonFrame = 2048;
constexpr uint16_t kEthernetMtu = 1500;
// net_ring hands over the mbufs themselves, up to this many before it is full.
constexpr uint32_t kRingOfNetRing = 1024;

// What the kernel writes into a slot before the frame.
constexpr uint32_t kKernelsPart = 68;
// net_af_packet copies frames into slots of `framesz` bytes, 2048 by default. These hold the
// longest frame with the kernel's 68 bytes before it; the block size must be a multiple of slot and
// page.
constexpr std::string_view kJumboSlots = ",framesz=10240,blocksz=20480";

}  // namespace

std::string PlugText(const Device& device, const DeviceSettings& settings) {
  std::string text = device.ToString();
  if (device.Is("net_af_packet") && settings.mtu > kEthernetMtu &&
      device.Argument("framesz").empty() && device.Argument("blocksz").empty()) {
    text += kJumboSlots;
  }
  const std::string_view key = device.QueueArgument();
  if (settings.queues > 1 && !key.empty() && device.Argument(key).empty()) {
    text += Cat(",", key, "=", settings.queues);
  }
  return text;
}

MbufPools::Size PoolSize(const Device& device, const DeviceSettings& settings) {
  uint32_t frame = std::max(kCommonFrame, (settings.mtu + kOverhead + 63) / 64 * 64);
  uint32_t slot = 0;
  if (device.Is("net_af_packet")) {
    // Its driver wants mbufs for whole slots.
    if (!absl::SimpleAtoi(std::string(device.Argument("framesz")), &slot)) {
      slot = settings.mtu > kEthernetMtu ? 10240 : 0;
    }
    frame = std::max(frame, std::min(slot, 60'000U));
  }
  const uint32_t rings =
      device.is_pci() ? 2 * kPciDescriptors : 2 * kVirtualDescriptors + kRingOfNetRing;
  // One less than a multiple of 512: what a ring of a power of two holds best.
  return {.buffers = settings.queues * (rings + kInFlight) - 1, .frame = frame};
}

bool SlotsHoldFrames(const Device& device, const DeviceSettings& settings) {
  uint32_t slot = settings.mtu > kEthernetMtu && device.Argument("blocksz").empty() ? 10240 : 2048;
  const std::string given(device.Argument("framesz"));
  if (!given.empty() && !absl::SimpleAtoi(given, &slot)) return false;
  return settings.mtu + kOverhead + kKernelsPart <= slot;
}

uint16_t TransmitQueues(const Device& device, const DeviceSettings& settings, uint16_t most) {
  const uint16_t wanted = device.is_pci() ? settings.workers : settings.queues;
  return std::clamp<uint16_t>(wanted, 1, std::max<uint16_t>(most, 1));
}

}  // namespace weft::nic
