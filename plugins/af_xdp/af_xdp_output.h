// SPDX-License-Identifier: Apache-2.0
// af-xdp-output: the end of port-output for AF_XDP sockets. It copies each packet once, into a
// chunk that the kernel sends from, padded to what the wire asks for, keeps the order of each port,
// and wakes the kernel once a dispatch. A socket takes no offloads: what a sender left is done
// here. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/ports_table.h"

namespace weft::af_xdp {

class AfXdpOutput final : public Output<AfXdpOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = "af-xdp-output",
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Writes frames into AF_XDP sockets' transmit rings."};
  enum class Drop : uint8_t { kTxFull, kPortDown, kTooLong };
  static constexpr auto kDrops = Labels<Drop>({
      {Drop::kTxFull, "tx-full", "the kernel has not sent the frames before it yet"},
      {Drop::kPortDown, "port-down", "the interface is not there, is off or has no carrier"},
      {Drop::kTooLong, "too-long", "longer than the MTU of the port it goes to"},
  });
  enum class Counter : uint8_t { kCopiedBytes };
  static constexpr auto kCounters = Labels<Counter>(
      {{Counter::kCopiedBytes, "copied-bytes", "bytes of frames copied into the sockets' memory"}});

  // `table` outlives the node.
  AfXdpOutput(const Published<PortsTable>& table, WorkerId worker)
      : published_table_(table), worker_(worker) {}

  void Process(Frame& frame);
  void EndDispatch();

 private:
  void Send(PortId port, Packet* const* packets, size_t count);
  // Packets with nothing left to do.
  void Write(const PortQueues& to, Packet* const* packets, size_t count);
  void Charge(PortId port);

  const Published<PortsTable>& published_table_;
  const WorkerId worker_;
  const PortsTable* table_ = nullptr;  // of this dispatch, once it is needed
  // What was sent in this dispatch, by port; and the ports that it was sent to.
  std::array<uint32_t, kMaxPorts> sent_{};
  std::array<PortId, kMaxPorts> used_;
  size_t used_count_ = 0;
  uint64_t charged_until_ = 0;  // TSC
  PortSplitter splitter_;
  SoftwareOffload software_;
};

}  // namespace weft::af_xdp
