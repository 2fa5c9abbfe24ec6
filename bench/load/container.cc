// SPDX-License-Identifier: Apache-2.0
#include "bench/load/container.h"

#include <algorithm>
#include <cstring>

namespace weft::load {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kPage = 4096;
constexpr uint32_t kReceiveBuffer = 2048;

uint32_t BufferBytes(const Mix& mix) {
  return std::max<uint32_t>(kReceiveBuffer, kNetHeader + mix.largest());
}
size_t StrideFor(const Mix& mix) { return ((BufferBytes(mix) + kLine - 1) / kLine | 1) * kLine; }

}  // namespace

size_t BuffersBytes(uint16_t count, const Mix& mix) { return count * StrideFor(mix) + kPage; }

Buffers TakeBuffers(Memory& memory, uint16_t count, const Mix& mix) {
  const size_t stride = StrideFor(mix);
  return {.base = memory.Take(count * stride, kPage), .stride = stride, .bytes = BufferBytes(mix)};
}

void ReadAll(const uint8_t* at, uint32_t length) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < length; i += kLine) {
    uint64_t word;
    std::memcpy(&word, at + i, sizeof(word));
    sum += word;
  }
  asm volatile("" : : "r"(sum));  // what was read must have been read
}

}  // namespace weft::load
