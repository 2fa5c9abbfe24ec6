// SPDX-License-Identifier: Apache-2.0
// What a driver tells of its device by itself: that the link has changed, or that the device is
// gone. Control begins and ends to listen; what is heard comes on a thread of DPDK's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace weft::nic {

class DeviceEvents {
 public:
  // `on_event` is called on that thread, after every event. May be null.
  explicit DeviceEvents(std::function<void()> on_event) : on_event_(std::move(on_event)) {}
  ~DeviceEvents() { Stop(); }
  DeviceEvents(const DeviceEvents&) = delete;
  DeviceEvents& operator=(const DeviceEvents&) = delete;

  // Listens to DPDK's port `number`.
  void Listen(uint16_t number);
  // When it returns, on_event is not being called and will not be.
  void Stop();

  // Whether the driver has said that the device is gone.
  bool removed() const { return removed_.load(std::memory_order_relaxed); }

  // On DPDK's thread.
  void Heard(bool removal);

 private:
  const std::function<void()> on_event_;
  std::atomic<bool> removed_{false};
  bool listens_ = false;
  uint16_t number_ = 0;
};

}  // namespace weft::nic
