// SPDX-License-Identifier: Apache-2.0
// One worker's end of a capture: which steps of packets it takes, and the ring that carries them to
// control. The worker never waits: what finds the ring full is lost, and counted.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/counter.h"
#include "core/base/ids.h"
#include "core/graph/counters.h"
#include "core/graph/verdict.h"
#include "core/packet/packet.h"
#include "core/packet/packet_filter.h"

namespace weft {

// Most bytes that a capture keeps of a frame: all of it.
inline constexpr uint32_t kMaxSnapLength = 9216;
static_assert(kMaxSnapLength >= kMaxFrame && kMaxSnapLength >= PacketFilter::kSeen);

// Which steps a capture takes, compiled by control. Immutable.
struct CaptureRule {
  enum class Side : uint8_t { kIn, kOut, kEither };  // whose port is compared
  struct OfNode {
    std::bitset<256> verdicts;  // the steps with these
    Side side = Side::kEither;
  };
  std::array<OfNode, kMaxNodes> nodes{};         // by NodeId
  PortId port{};                                 // invalid: of all ports
  std::shared_ptr<const PacketFilter> filter{};  // null: whatever they carry
  uint32_t snap_length = 0;                      // bytes kept of a frame
  uint64_t max_packets = 0;
  uint64_t max_bytes = 0;  // kept ones, of all packets
};

// How much has been taken by all workers together.
struct CaptureBudget {
  std::atomic<uint64_t> packets{0};
  std::atomic<uint64_t> bytes{0};
};

// A step of a packet, followed in the ring by `kept` bytes of its frame.
struct CapturedStep {
  uint64_t cycles = 0;      // TSC when the node had decided
  uint64_t since_poll = 0;  // TSC ticks from the poll that brought the packet in
  uint32_t length = 0;      // of the frame, bytes
  uint32_t kept = 0;
  NodeId node;
  PortId in_port, out_port;
  VerdictCode verdict = 0;
};

// One writer, the worker; one reader, control.
class CaptureRing {
 public:
  // `size` is a power of two, in bytes.
  explicit CaptureRing(size_t size) : size_(size), bytes_(std::make_unique<uint8_t[]>(size)) {}

  // Worker. False if there is no room.
  bool HasRoom(size_t kept) const {
    const uint64_t used =
        tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_acquire);
    return size_ - used >= Needs(kept);
  }
  // Worker; there is room.
  void Push(const CapturedStep& step, const uint8_t* bytes);

  // Control. Null if nothing waits; else what Pop would give, without its bytes.
  const CapturedStep* Front();
  // Control. False if nothing waits.
  bool Pop(CapturedStep& step, std::vector<uint8_t>& bytes);

 private:
  static size_t Needs(size_t kept) { return (sizeof(CapturedStep) + kept + 7) / 8 * 8; }
  void Write(uint64_t at, const void* from, size_t length);
  void Read(uint64_t at, void* to, size_t length) const;

  const size_t size_;
  const std::unique_ptr<uint8_t[]> bytes_;
  CapturedStep front_;  // the reader's
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

class CaptureTap {
 public:
  CaptureTap(std::shared_ptr<const CaptureRule> rule, std::shared_ptr<CaptureBudget> budget,
             size_t ring_size)
      : rule_(std::move(rule)), budget_(std::move(budget)), ring_(ring_size) {}

  // Worker: whether it takes such a step, but for the filter.
  bool Wants(NodeId node, const Packet& packet, VerdictCode verdict) const {
    const CaptureRule::OfNode& of_node = rule_->nodes[node.value()];
    if (!of_node.verdicts[verdict]) return false;
    if (!rule_->port.valid()) return true;
    using Side = CaptureRule::Side;
    return (of_node.side != Side::kOut && packet.in_port() == rule_->port) ||
           (of_node.side != Side::kIn && packet.out_port() == rule_->port);
  }
  // Worker: takes a step that it wants, if the filter does. `bytes[0, count)` are the frame's
  // first.
  void Take(CapturedStep step, const uint8_t* bytes, size_t count);
  // How many bytes of a frame Take wants to see.
  size_t wanted() const {
    return std::max<size_t>(rule_->snap_length, rule_->filter != nullptr ? PacketFilter::kSeen : 0);
  }

  CaptureRing& ring() { return ring_; }  // its reading side is control's

  Counter lost;  // steps that found the ring full

 private:
  const std::shared_ptr<const CaptureRule> rule_;
  const std::shared_ptr<CaptureBudget> budget_;
  CaptureRing ring_;
};

}  // namespace weft
