// SPDX-License-Identifier: Apache-2.0
// A container: memory, and in it a ring to receive on, a ring to transmit on and a buffer for each
// of their descriptors. Kinds of rings differ in what a Ring is, and in nothing here.
#pragma once

#include <array>
#include <string>
#include <utility>

#include "bench/load/front_end.h"
#include "bench/load/memory.h"
#include "bench/load/port.h"

namespace weft::load {

enum class RingKind : uint8_t { kSplit, kPacked, kPackedInOrder };

// What all kinds of container ports are made from.
struct ContainerOptions {
  std::string socket;  // empty: no switch, the rings are driven by NullSwitch
  bool listen = false;
  bool huge = false;
  RingKind kind = RingKind::kSplit;
  uint16_t ring = 1024;
  uint16_t nic_queues = 1;  // memif: by which the switch may send to us
  uint32_t burst = 256;
  Work work = Work::kNone;
  bool stamp_time = false;  // with kVerify: measure latency
  uint32_t number = 0;      // of this container, and of the one it talks to
  uint32_t peer = 0;
  Mix mix;
};

inline constexpr uint32_t kNetHeader = 12;  // virtio 1.2 §5.1.6

// The buffers of a ring: one for each descriptor, and they stay where they are.
struct Buffers {
  uint8_t* base = nullptr;
  size_t stride = 0;
  uint32_t bytes = 0;  // of each that may be used

  uint8_t* at(uint32_t number) const { return base + stride * number; }
};

// For every frame of the mix with its header. An odd number of cache lines apart, so that they do
// not fall on the same few sets of a cache.
size_t BuffersBytes(uint16_t count, const Mix& mix);
Buffers TakeBuffers(Memory& memory, uint16_t count, const Mix& mix);

// Reads every cache line, as somebody would who needs the frame.
void ReadAll(const uint8_t* at, uint32_t length);

// Ring: Bytes(size); a constructor from memory, size and buffers; OfferAll(); place().
template <typename Ring>
class Container {
 public:
  // Both rings, with all receive buffers on offer.
  static absl::StatusOr<Container> Make(const ContainerOptions& options) {
    const size_t bytes = Ring::Bytes(options.ring) + BuffersBytes(options.ring, options.mix);
    absl::StatusOr<Memory> memory = Memory::Make(2 * bytes, options.huge);
    if (!memory.ok()) return memory.status();
    return Container(options, *std::move(memory));
  }

  Ring& receive() { return receive_; }
  Ring& transmit() { return transmit_; }
  const Memory& memory() const { return memory_; }
  std::array<RingPlace, 2> places() const { return {receive_.place(), transmit_.place()}; }

 private:
  Container(const ContainerOptions& options, Memory memory)
      : memory_(std::move(memory)),
        receive_(memory_, options.ring, TakeBuffers(memory_, options.ring, options.mix)),
        transmit_(memory_, options.ring, TakeBuffers(memory_, options.ring, options.mix)) {
    receive_.OfferAll();
  }

  Memory memory_;
  Ring receive_;
  Ring transmit_;
};

}  // namespace weft::load
