// SPDX-License-Identifier: Apache-2.0
#include "bench/load/memif_ring.h"

namespace weft::load {
namespace {

constexpr uint32_t kCookie = 0x3e31f20;

}  // namespace

MemifRing::MemifRing(Memory& memory, uint16_t size_in, Buffers buffers_in)
    : size(size_in), buffers(buffers_in) {
  uint8_t* const at = memory.Take(sizeof(Header) + sizeof(Descriptor) * size, 4096);
  offset = static_cast<uint32_t>(at - memory.base());
  header = reinterpret_cast<Header*>(at);
  descriptors = reinterpret_cast<Descriptor*>(at + sizeof(Header));
  header->cookie = kCookie;
  header->flags = kNoInterrupts;
  for (uint16_t i = 0; i < size; ++i) {
    descriptors[i] = {.flags = 0,
                      .region = 0,
                      .length = buffers.bytes,
                      .offset = static_cast<uint32_t>(buffers.at(i) - memory.base()),
                      .metadata = 0};
  }
}

}  // namespace weft::load
