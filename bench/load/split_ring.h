// SPDX-License-Identifier: Apache-2.0
// One split ring (virtio 1.2 §2.7) as the driver sees it: one descriptor a frame.
#pragma once

#include <atomic>
#include <cstdint>

#include "bench/load/container.h"

namespace weft::load {

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
  static constexpr uint32_t kHeader = kNetHeader;  // bytes before a frame
  static constexpr uint16_t kWrite = 2;            // Descriptor::flags
  static constexpr uint16_t kNoNotify = 1;         // used->flags
  static constexpr uint16_t kNoInterrupt = 1;      // available->flags

  static size_t Bytes(uint16_t size) { return size_t{size} * 26 + 12 + 3 * 4096; }
  SplitRing(Memory& memory, uint16_t size, Buffers buffers);

  uint16_t size;
  Descriptor* descriptors;
  uint16_t* available;  // flags, idx, ring[]
  uint16_t* used;       // flags, idx, then elements
  Buffers buffers;

  uint16_t next = 0;       // available->idx as we last stored it
  uint16_t returned = 0;   // how far used elements were looked at
  uint16_t used_seen = 0;  // a shadow of used->idx

  const UsedElement& used_element(uint16_t position) const {
    return reinterpret_cast<const UsedElement*>(used + 2)[position & (size - 1)];
  }
  uint16_t& head_at(uint16_t position) const { return available[2 + (position & (size - 1))]; }
  RingPlace place() const;

  // All buffers, for the switch to write into.
  void OfferAll();
  // Moves the available index on by `count`.
  void Offer(uint32_t count);
  void LookAtUsed() {
    used_seen = std::atomic_ref<const uint16_t>(used[1]).load(std::memory_order_acquire);
  }
  // Whether the switch wants to hear of what was offered (§2.7.13.4.1).
  bool WantsKick() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return (std::atomic_ref<const uint16_t>(used[0]).load() & kNoNotify) == 0;
  }
};

}  // namespace weft::load
