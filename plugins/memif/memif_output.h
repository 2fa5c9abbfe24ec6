// SPDX-License-Identifier: Apache-2.0
// memif-output: the end of port-output for memif peers. It buckets a frame by out-port, keeps the
// order, writes each ring in one go, and publishes each once a dispatch, with one notification. A
// full, broken or absent receiver drops at once, on its own account. Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "plugins/memif/memif_table.h"
#include "plugins/memif/ring_writer.h"

namespace weft::memif {

class MemifOutput final : public Output<MemifOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = "memif-output",
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Writes frames into the rings that memif peers empty."};
  using Drop = TransmitDrop;
  static constexpr auto kDrops = kTransmitDrops;
  enum class Counter : uint8_t { kCopiedBytes };
  static constexpr auto kCounters = Labels<Counter>(
      {{Counter::kCopiedBytes, "copied-bytes", "bytes of frames stored into shared memory"}});

  // `table` and `notifier` outlive the node.
  MemifOutput(const Published<MemifTable>& table, Notifier& notifier, WorkerId worker);

  void Process(Frame& frame);
  void EndDispatch();

 private:
  static constexpr size_t kRows = kMaxPorts + 1;  // by port; the last is for what is no port

  static size_t Row(PortId port) { return port.value() < kMaxPorts ? port.value() : kMaxPorts; }
  const UsedRing& RingFor(const PortRings& port);
  void Prefetch(PortId port) const;
  void Send(PortId port, Packet* const* packets, size_t count, bool traced);
  void Write(const PortRings& port, const UsedRing& ring, Packet* const* packets, size_t count,
             bool traced);

  const Published<MemifTable>& published_table_;
  Notifier& notifier_;
  const WorkerId worker_;
  const MemifTable* table_ = nullptr;  // of this dispatch, once it is needed
  RingWriter writer_;
  SoftwareOffload software_;             // memif has no way to leave anything to its peer
  std::array<UsedRing, kRows> rings_{};  // of this dispatch, by port
  std::vector<UsedRing> used_rings_;     // those of them that are there
  std::array<uint32_t, kRows> sent_{};   // packets of this dispatch, by port
  uint64_t charged_until_ = 0;           // TSC, in Process
  PortSplitter splitter_;
};

}  // namespace weft::memif
