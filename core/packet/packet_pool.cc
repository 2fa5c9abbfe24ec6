// SPDX-License-Identifier: Apache-2.0
#include "core/packet/packet_pool.h"

#include <rte_mempool.h>

#include <algorithm>

namespace weft {

size_t HeapPacketMemory::Allocate(PacketSlot** slots, size_t count) {
  for (size_t i = 0; i < count; ++i) slots[i] = new PacketSlot;
  return count;
}

void HeapPacketMemory::Free(PacketSlot** slots, size_t count) {
  for (size_t i = 0; i < count; ++i) delete slots[i];
}

size_t MempoolPacketMemory::Allocate(PacketSlot** slots, size_t count) {
  size_t got = 0;
  void* element = nullptr;
  while (got < count && rte_mempool_get(pool_, &element) == 0) {
    slots[got++] = static_cast<PacketSlot*>(element);
  }
  return got;
}

void MempoolPacketMemory::Free(PacketSlot** slots, size_t count) {
  for (size_t i = 0; i < count; ++i) rte_mempool_put(pool_, slots[i]);
}

PacketPool::PacketPool(PacketMemory& memory, size_t capacity)
    : memory_(memory), recycle_each_(memory.wants_every_slot_back()), slots_(capacity) {
  slots_.resize(memory_.Allocate(slots_.data(), capacity));
}

PacketPool::~PacketPool() { memory_.Free(slots_.data(), slots_.size()); }

void PacketPool::RecycleSlots(size_t first) {
  const size_t count = taken_ - first;
  memory_.Free(slots_.data() + first, count);
  const size_t got = memory_.Allocate(slots_.data() + first, count);
  const auto begin = slots_.begin() + static_cast<ptrdiff_t>(first);
  slots_.erase(begin + static_cast<ptrdiff_t>(got), begin + static_cast<ptrdiff_t>(count));
}

}  // namespace weft
