// SPDX-License-Identifier: Apache-2.0
// One ring of a memif interface (libmemif's memif.h, protocol version 2.0), as the client sees it,
// whose memory it is: one descriptor a frame, each with a buffer of its own for ever. The client
// moves `head` in both rings: behind frames that it sends, or behind buffers that it offers; the
// server moves `tail`.
#pragma once

#include <atomic>
#include <cstdint>

#include "bench/load/container.h"

namespace weft::load {

struct MemifRing {
  struct Descriptor {
    uint16_t flags;
    uint16_t region;
    uint32_t length;
    uint32_t offset;  // of the buffer, in its region
    uint32_t metadata;
  };
  struct alignas(64) Header {
    uint32_t cookie;
    uint16_t flags;
    uint16_t head;
    alignas(64) uint16_t tail;
  };
  static_assert(sizeof(Header) == 128);
  static constexpr uint32_t kHeader = 0;        // bytes before a frame
  static constexpr uint16_t kChained = 1;       // Descriptor::flags
  static constexpr uint16_t kNoInterrupts = 1;  // Header::flags

  static size_t Bytes(uint16_t size) { return sizeof(Header) + size_t{size} * 16 + 4096; }
  MemifRing(Memory& memory, uint16_t size, Buffers buffers);

  uint16_t size;
  uint32_t offset;  // of the ring, in the region
  Header* header;
  Descriptor* descriptors;
  Buffers buffers;

  uint16_t next = 0;      // `head` as we last stored it
  uint16_t returned = 0;  // how far what the server has done was looked at

  uint16_t slot(uint32_t position) const { return static_cast<uint16_t>(position & (size - 1u)); }
  uint16_t tail() const {
    return std::atomic_ref<const uint16_t>(header->tail).load(std::memory_order_acquire);
  }
  void Offer(uint32_t count) {
    next = static_cast<uint16_t>(next + count);
    std::atomic_ref<uint16_t>(header->head).store(next, std::memory_order_release);
  }
  // Whether who empties this ring sleeps. The barrier is between what was offered and the look.
  bool WantsKick() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return (std::atomic_ref<const uint16_t>(header->flags).load(std::memory_order_relaxed) &
            kNoInterrupts) == 0;
  }
  // From the beginning: a server that connects sets both indexes to 0.
  void OfferAll() {
    next = 0;
    Offer(size);
  }
};

}  // namespace weft::load
