// SPDX-License-Identifier: Apache-2.0
#include "bench/load/split_ring.h"

namespace weft::load {

SplitRing::SplitRing(Memory& memory, uint16_t size_in, Buffers buffers_in)
    : size(size_in),
      descriptors(reinterpret_cast<Descriptor*>(memory.Take(size_t{16} * size, 4096))),
      available(reinterpret_cast<uint16_t*>(memory.Take(6 + size_t{2} * size, 4096))),
      used(reinterpret_cast<uint16_t*>(memory.Take(6 + size_t{8} * size, 4096))),
      buffers(buffers_in) {
  available[0] = kNoInterrupt;  // a driver that polls, as DPDK's do
  for (uint16_t i = 0; i < size; ++i) {
    descriptors[i] = {reinterpret_cast<uint64_t>(buffers.at(i)), 0, 0, 0};
    head_at(i) = i;
  }
}

void SplitRing::OfferAll() {
  for (uint16_t i = 0; i < size; ++i) {
    descriptors[i].length = buffers.bytes;
    descriptors[i].flags = kWrite;
  }
  Offer(size);
}

void SplitRing::Offer(uint32_t count) {
  next = static_cast<uint16_t>(next + count);
  std::atomic_ref<uint16_t>(available[1]).store(next, std::memory_order_release);
}

RingPlace SplitRing::place() const {
  return {.size = size,
          .descriptors = reinterpret_cast<uint8_t*>(descriptors),
          .available = reinterpret_cast<uint8_t*>(available),
          .used = reinterpret_cast<uint8_t*>(used)};
}

}  // namespace weft::load
