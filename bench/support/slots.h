// SPDX-License-Identifier: Apache-2.0
// Packet slots that live as long as the pool, as in weftd: the heap's habit of recycling each one
// is for tests.
#pragma once

#include <memory>

#include "core/packet/packet_pool.h"

namespace weft::bench {

class Slots final : public PacketMemory {
 public:
  explicit Slots(size_t count) : slots_(std::make_unique<PacketSlot[]>(count)), count_(count) {}

  // Once; slots do not come back.
  size_t Allocate(PacketSlot** out, size_t count) override {
    const size_t given = count < count_ ? count : count_;
    for (size_t i = 0; i < given; ++i) out[i] = &slots_[i];
    return given;
  }
  void Free(PacketSlot**, size_t) override {}

 private:
  std::unique_ptr<PacketSlot[]> slots_;
  size_t count_;
};

}  // namespace weft::bench
