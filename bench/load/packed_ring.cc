// SPDX-License-Identifier: Apache-2.0
#include "bench/load/packed_ring.h"

#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace weft::load {
namespace {

// Both sides begin at descriptor 0 with a wrap counter of 1: bits 0 to 14 and 15 for what is
// available, 16 to 30 and 31 for what is used (vhost-user, SET_VRING_BASE). librte_vhost reads the
// first half and takes the second for the same.
constexpr uint32_t kBegin = 0x8000'8000;

}  // namespace

PackedRing::PackedRing(Memory& memory, uint16_t size_in, Buffers buffers_in)
    : size(size_in),
      descriptors(reinterpret_cast<Descriptor*>(memory.Take(sizeof(Descriptor) * size, 4096))),
      driver_event(reinterpret_cast<Event*>(memory.Take(sizeof(Event), 4096))),
      device_event(reinterpret_cast<Event*>(memory.Take(sizeof(Event), 4096))),
      buffers(buffers_in),
      ids(size) {
  driver_event->flags = kDisable;  // a driver that polls, as DPDK's do
  std::iota(ids.begin(), ids.end(), uint16_t{0});
}

RingPlace PackedRing::place() const {
  return {.size = size,
          .base = kBegin,
          .descriptors = reinterpret_cast<uint8_t*>(descriptors),
          .available = reinterpret_cast<uint8_t*>(driver_event),
          .used = reinterpret_cast<uint8_t*>(device_event)};
}

void PackedRing::NeverGiven(uint16_t id) {
  std::fprintf(stderr, "load: the switch returns buffer %u, which it does not have\n", id);
  std::abort();
}

}  // namespace weft::load
