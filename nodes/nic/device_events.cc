// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/device_events.h"

#include <rte_ethdev.h>

#include <cerrno>
#include <thread>

namespace weft::nic {
namespace {

constexpr rte_eth_event_type kEvents[] = {RTE_ETH_EVENT_INTR_LSC, RTE_ETH_EVENT_INTR_RMV};

int OnDpdkEvent(uint16_t /*number*/, rte_eth_event_type event, void* self, void* /*result*/) {
  static_cast<DeviceEvents*>(self)->Heard(event == RTE_ETH_EVENT_INTR_RMV);
  return 0;
}

}  // namespace

void DeviceEvents::Listen(uint16_t number) {
  number_ = number;
  listens_ = true;
  for (const rte_eth_event_type event : kEvents) {
    // Without memory for it the link is looked at from time to time all the same.
    rte_eth_dev_callback_register(number_, event, OnDpdkEvent, this);
  }
}

void DeviceEvents::Stop() {
  if (!listens_) return;
  listens_ = false;
  for (const rte_eth_event_type event : kEvents) {
    // -EAGAIN: it is being called.
    while (rte_eth_dev_callback_unregister(number_, event, OnDpdkEvent, this) == -EAGAIN) {
      std::this_thread::yield();
    }
  }
}

void DeviceEvents::Heard(bool removal) {
  if (removal) removed_.store(true, std::memory_order_relaxed);
  if (on_event_) on_event_();
}

}  // namespace weft::nic
