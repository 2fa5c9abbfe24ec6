// SPDX-License-Identifier: Apache-2.0
// Ports in memory, for graphs that no worker walks: what waits is taken as if a container had sent
// it, and what is sent is written down. A dry run, a replay and the tests stand on them. Packets
// begin as they do in a switch: the first bytes are private, the rest is borrowed. One thread.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "core/graph/node.h"
#include "core/packet/software_offload.h"

namespace weft {

// What the in-memory ports share.
struct MemoryPorts {
  struct Waiting {
    PortId port;
    std::vector<uint8_t> frame;
    size_t header_length = Packet::kMaxHeader;  // how many of its bytes are header at most
    uint16_t trace = 0;                         // the number of its trace; 0: it has none
  };
  std::deque<Waiting> waiting;
  std::vector<Waiting> in_flight;  // their bytes are what packets of the dispatch borrow
  std::map<PortId, std::vector<std::vector<uint8_t>>> sent;  // by out-port, in order
  std::map<PortId, bool> full;                               // ports whose receiver takes nothing
  std::map<PortId, uint32_t> mtu;                            // of ports that have one
  size_t vector_limit = Frame::kCapacity;                    // packets that the input takes at once
};

class MemoryInput final : public Input<MemoryInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "memory-input", .help = "Frames that wait in memory."};
  explicit MemoryInput(MemoryPorts& ports) : ports_(ports) {}
  void Poll(Frame& frame);
  void EndDispatch() { ports_.in_flight.clear(); }

 private:
  MemoryPorts& ports_;
};

class MemoryOutput final : public Output<MemoryOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = "memory-output",
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Writes frames down as they would be on a wire."};
  enum class Drop : uint8_t { kRingFull, kTooLong };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kRingFull, "ring-full", "the receiver is full"},
                    {Drop::kTooLong, "too-long", "longer than the port's MTU"}});
  explicit MemoryOutput(MemoryPorts& ports) : ports_(ports) {}
  void Process(Frame& frame);

 private:
  void Write(const Packet& packet);

  MemoryPorts& ports_;
  SoftwareOffload software_;
};

}  // namespace weft
