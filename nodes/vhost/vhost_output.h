// SPDX-License-Identifier: Apache-2.0
// vhost-output: the end of port-output for containers, and the real splitter. It buckets a frame by
// out-port, keeps the order, writes each receive ring in one go, and publishes each once a
// dispatch, with one notification. A full, broken or absent receiver drops at once, on its own
// account. A port with several receive rings is written by this worker at one of them
// (PortRings::ToGuest). Worker thread only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/labels.h"
#include "core/base/rcu.h"
#include "core/graph/node.h"
#include "core/graph/port_splitter.h"
#include "core/packet/software_offload.h"
#include "core/tenant/notifier.h"
#include "nodes/vhost/receive_ring.h"
#include "nodes/vhost/vhost_table.h"

namespace weft::vhost {

class VhostOutput final : public Output<VhostOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = "vhost-output",
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Writes frames into the containers' receive rings."};
  using Drop = TransmitDrop;
  static constexpr auto kDrops = kTransmitDrops;
  enum class Counter : uint8_t { kCopiedBytes, kOffloaded, kOffloadFrames };
  static constexpr auto kCounters = Labels<Counter>(
      {{Counter::kCopiedBytes, "copied-bytes", "bytes of frames stored into receivers' memory"},
       {Counter::kOffloaded, "offloaded",
        "packets whose checksum or segments were made here, as their receiver does not take them"},
       {Counter::kOffloadFrames, "offload-frames", "frames that were made of those"}});

  // `table` and `notifier` outlive the node.
  VhostOutput(const Published<VhostTable>& table, Notifier& notifier, WorkerId worker);

  void Process(Frame& frame);
  void EndDispatch();

 private:
  static constexpr size_t kRows = kMaxPorts + 1;  // by port; the last is for what is no port

  static size_t Row(PortId port) { return port.value() < kMaxPorts ? port.value() : kMaxPorts; }
  const UsedRing& RingFor(const PortRings& port);
  void Prefetch(PortId port) const;
  void Send(PortId port, Packet* const* packets, size_t count, bool traced);
  size_t Write(const UsedRing& ring, uint32_t mtu, Packet* const* packets, size_t count,
               bool traced);
  void WriteRest(const UsedRing& ring, uint32_t mtu, Packet* const* packets, size_t count,
                 bool traced);

  const Published<VhostTable>& published_table_;
  Notifier& notifier_;
  const WorkerId worker_;
  const VhostTable* table_ = nullptr;  // of this dispatch, once it is needed
  RingWriter writer_;
  SoftwareOffload software_;
  std::array<UsedRing, kRows> rings_{};  // of this dispatch, by port
  std::vector<UsedRing> used_rings_;     // those of them that are there
  std::array<uint32_t, kRows> sent_{};   // packets of this dispatch, by port
  uint64_t charged_until_ = 0;           // TSC, in Process
  PortSplitter splitter_;
};

}  // namespace weft::vhost
