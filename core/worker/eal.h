// SPDX-License-Identifier: Apache-2.0
// Starting DPDK's EAL with arguments that weft derives, so that an operator writes none. Once a
// process; control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/packet/packet_pool.h"

struct rte_mempool;

namespace weft {

struct EalOptions {
  std::vector<std::string> pci_devices;  // to probe; none: --no-pci
  uint64_t memory = 0;                   // bytes that pools will take
  std::vector<std::string> extra;        // the operator's own, appended
  bool debug = false;                    // pass on EAL's own chatter
};

// The arguments for rte_eal_init, program name first.
std::vector<std::string> EalArguments(const EalOptions& options);

// Starts EAL. The calling thread's affinity is what it was before. An error says what EAL said and
// what to do.
absl::Status StartEal(const EalOptions& options);
// Runs `call` on EAL's own thread (interrupts, alarms) and returns when it has run.
absl::Status OnEalThread(const std::function<void()>& call);
// After the last use of DPDK: closes the devices that are left, those of the operator's own
// arguments. The process is to end then.
void StopEal();

// A mempool of `slots` PacketSlots. ResourceExhausted says how much memory it would have taken.
struct MempoolDeleter {
  void operator()(rte_mempool* pool) const;
};
using PacketMempool = std::unique_ptr<rte_mempool, MempoolDeleter>;
absl::StatusOr<PacketMempool> MakePacketMempool(size_t slots);
// Bytes that `slots` packets take in a mempool.
uint64_t PacketMempoolBytes(size_t slots);

}  // namespace weft
