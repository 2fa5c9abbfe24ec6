// SPDX-License-Identifier: Apache-2.0
// nic-output: the end of port-output for NICs. It copies each packet once, into a fresh mbuf of its
// device, padded to what the wire asks for, keeps the order of each port, and hands a port's frames
// to its device in one burst a dispatch. What the device does not take at once is dropped. What a
// sender left to be done is done in software: no mbuf asks its device for anything. Worker thread
// only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/labels.h"
#include "core/base/rcu.h"
#include "core/graph/node.h"
#include "core/graph/port_splitter.h"
#include "core/packet/software_offload.h"
#include "nodes/nic/nic_table.h"

struct rte_mbuf;

namespace weft::nic {

class NicOutput final : public Output<NicOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = "nic-output",
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Writes frames into the NICs' transmit queues."};
  enum class Drop : uint8_t { kTxFull, kPortDown, kTooLong, kNoBuffer };
  static constexpr auto kDrops = Labels<Drop>({
      {Drop::kTxFull, "tx-full", "the device's transmit queue did not take it"},
      {Drop::kPortDown, "port-down", "the device is not open, or has no link"},
      {Drop::kTooLong, "too-long", "longer than the MTU of the port it goes to"},
      {Drop::kNoBuffer, "no-buffer", "no mbuf was free: the device has not sent the others yet"},
  });
  enum class Counter : uint8_t { kCopiedBytes, kOffloaded, kOffloadFrames };
  static constexpr auto kCounters = Labels<Counter>(
      {{Counter::kCopiedBytes, "copied-bytes", "bytes of frames copied into mbufs"},
       {Counter::kOffloaded, "offloaded", "packets whose checksum or segments were made here"},
       {Counter::kOffloadFrames, "offload-frames", "frames that were made of those"}});

  // `table` outlives the node.
  NicOutput(const Published<NicTable>& table, WorkerId worker);
  ~NicOutput() override;

  void Process(Frame& frame);
  void EndDispatch();

 private:
  struct Burst;

  void Send(PortId port, Packet* const* packets, size_t count, bool traced);
  void Write(const PortDevice& nic, Packet* const* packets, size_t count, bool traced);
  Burst& BurstFor(const PortDevice& nic);
  // Hands the burst to its device. `packets` are what it was made of, to be traced; or null.
  void Charge(PortId port);
  void Transmit(Burst& burst, Packet* const* packets);

  const Published<NicTable>& published_table_;
  const WorkerId worker_;
  const NicTable* table_ = nullptr;              // of this dispatch, once it is needed
  const std::unique_ptr<Burst[]> bursts_;        // by number of the device
  std::array<uint16_t, RTE_MAX_ETHPORTS> used_;  // numbers of those with packets in this dispatch
  size_t used_count_ = 0;
  uint64_t charged_until_ = 0;  // TSC
  PortSplitter splitter_;
  SoftwareOffload software_;
};

}  // namespace weft::nic
