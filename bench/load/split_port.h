// SPDX-License-Identifier: Apache-2.0
// A container with a pair of split rings (virtio 1.2 §2.7) that it drives as fast as a driver can:
// one descriptor a frame, buffers that stay where they are, and one load and one store of an index
// for a burst.
//
// Unless frames are verified, head i always stands at position i: the switch must then return
// buffers in the order in which it got them, and is told off if it does not.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bench/load/front_end.h"
#include "bench/load/memory.h"
#include "bench/load/port.h"

namespace weft::load {

// What all kinds of container ports are made from.
struct ContainerOptions {
  std::string socket;  // empty: no switch, the rings are driven by NullSwitch
  bool listen = false;
  bool huge = false;
  uint16_t ring = 1024;
  uint32_t burst = 256;
  Work work = Work::kNone;
  bool stamp_time = false;  // with kVerify: measure latency
  uint32_t number = 0;      // of this container, and of the one it talks to
  uint32_t peer = 0;
  Mix mix;
};

// One split ring as the driver sees it.
struct SplitRing {
  struct Descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
  };
  struct UsedElement {
    uint32_t head;
    uint32_t length;
  };
  static constexpr uint16_t kWrite = 2;        // Descriptor::flags
  static constexpr uint16_t kNoNotify = 1;     // used->flags
  static constexpr uint16_t kNoInterrupt = 1;  // available->flags

  uint16_t size = 0;
  Descriptor* descriptors = nullptr;
  uint16_t* available = nullptr;  // flags, idx, ring[]
  uint16_t* used = nullptr;       // flags, idx, then elements
  uint8_t* buffers = nullptr;     // of `stride` bytes, one a descriptor
  size_t stride = 0;

  uint16_t next = 0;       // available->idx as we last stored it
  uint16_t returned = 0;   // how far used elements were looked at
  uint16_t used_seen = 0;  // a shadow of used->idx

  const UsedElement& used_element(uint16_t position) const {
    return reinterpret_cast<const UsedElement*>(used + 2)[position & (size - 1)];
  }
  uint16_t& head_at(uint16_t position) const { return available[2 + (position & (size - 1))]; }
  uint8_t* buffer(uint32_t head) const { return buffers + stride * head; }
};

class SplitContainer {
 public:
  static size_t MemoryBytes(const ContainerOptions& options);

  // Both rings in `memory`, with all receive buffers on offer.
  SplitContainer(const ContainerOptions& options, Memory memory);

  SplitRing& receive() { return receive_; }
  SplitRing& transmit() { return transmit_; }
  std::array<RingPlace, 2> places() const;
  const Memory& memory() const { return memory_; }

 private:
  SplitRing MakeRing(const ContainerOptions& options, size_t stride);

  Memory memory_;
  SplitRing receive_;
  SplitRing transmit_;
};

// A container that is attached to a switch, or, without a socket, to nothing yet.
struct AttachedPort {
  std::unique_ptr<Port> port;
  SplitContainer* container = nullptr;  // the port's own
};
absl::StatusOr<AttachedPort> MakeSplitPort(const ContainerOptions& options);

}  // namespace weft::load
