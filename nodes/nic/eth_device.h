// SPDX-License-Identifier: Apache-2.0
// An ethdev that runs: found or plugged in, configured with its queues, and started. Whoever
// destroys it, on the control thread, knows that no worker uses it any more: the snapshots of
// NicTable share it, so that the last one to go stops, closes and unplugs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/ids.h"
#include "core/port/port.h"
#include "core/shell/reply.h"
#include "nodes/nic/device.h"
#include "nodes/nic/device_events.h"
#include "nodes/nic/device_plan.h"
#include "nodes/nic/mbuf_pools.h"

struct rte_eth_dev_info;

namespace weft::nic {

class EthDevice {
 public:
  struct Link {
    bool up = false;
    uint64_t mbps = 0;  // 0: unknown
  };

  // Held for one burst by the worker that sends; DPDK's queue has no lock of its own.
  struct alignas(64) TransmitQueue {
    uint16_t number = 0;
    std::atomic_flag sender;
  };

  // Called on a thread of DPDK's when the driver says by itself that link or device may have
  // changed; until the device closes.
  using OnEvent = std::function<void()>;

  // Opens `device`. What would have been nice to have and was
  // refused (the MTU of the interface, promiscuous mode) is in warnings(). Errors are sentences.
  static absl::StatusOr<std::shared_ptr<EthDevice>> Open(const Device& device,
                                                         const DeviceSettings& settings,
                                                         std::shared_ptr<MbufPools> pools,
                                                         OnEvent on_event = nullptr);
  ~EthDevice();
  EthDevice(const EthDevice&) = delete;
  EthDevice& operator=(const EthDevice&) = delete;

  // For workers.
  uint16_t number() const { return number_; }  // DPDK's port number
  rte_mempool* pool() const { return pool_; }
  // The one that `worker` writes, always the same: so a flow keeps its order, and with as many
  // queues as workers each has one to itself.
  TransmitQueue& transmit_queue(WorkerId worker) {
    return transmit_queues_[worker.value() % transmit_queue_count_];
  }

  // A descriptor that can be read while frames wait in receive queue `queue`; -1 if the driver has
  // none.
  int wake_fd(uint16_t queue) const { return queue < wake_fds_.size() ? wake_fds_[queue] : -1; }

  // For control. A device that knows no link is up.
  Link link() const;
  // The kernel's interface that is the device's other half; empty if there is none.
  const std::string& interface() const { return interface_; }
  // The kernel's number of it; 0 if there is none.
  unsigned interface_index() const { return interface_index_; }
  // Whether the driver says that the device is gone.
  bool removed() const;
  std::vector<PortFact> Facts() const;
  // What Facts may tell beside the device's own counters, which are called device-*.
  static std::vector<Column> FactColumns();
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  EthDevice(const Device& device, const DeviceSettings& settings, std::shared_ptr<MbufPools> pools,
            OnEvent on_event)
      : device_(device),
        settings_(settings),
        pools_(std::move(pools)),
        events_(std::move(on_event)) {}

  absl::Status Find();
  absl::Status Start();
  absl::Status Configure(const rte_eth_dev_info& info);
  absl::Status SetUpQueues();
  void SetMtu();
  void SetFilters();
  void FindWakeFds();
  void Unplug();
  absl::Status Failed(std::string_view step, int error) const;

  const Device device_;
  const DeviceSettings settings_;
  const std::shared_ptr<MbufPools> pools_;
  DeviceEvents events_;
  std::string interface_;
  unsigned interface_index_ = 0;
  std::vector<std::string> warnings_;
  rte_mempool* pool_ = nullptr;
  uint16_t number_ = 0xffff;
  uint16_t receive_descriptors_ = 0;
  uint16_t transmit_descriptors_ = 0;
  bool found_ = false;    // number_ is that of an ethdev
  bool plugged_ = false;  // by us, not by EAL's arguments
  bool started_ = false;
  uint16_t transmit_queue_count_ = 0;
  std::unique_ptr<TransmitQueue[]> transmit_queues_;
  std::vector<int> wake_fds_;  // the driver's, by receive queue; empty if it has none
};

}  // namespace weft::nic
