// SPDX-License-Identifier: Apache-2.0
#include "core/graph/drop_log.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/give_up.h"

namespace weft {

void DropLog::Free::operator()(Row* rows) const { std::free(rows); }

// All-zero bytes are a Row without entries; calloc gives untouched zero pages.
DropLog::DropLog() : rows_(static_cast<Row*>(std::calloc(kMaxPorts + 1, sizeof(Row)))) {
  if (rows_ == nullptr) GiveUp("make the drop log of a worker", ENOMEM);
}

void DropLog::Add(PortId blamed, const DroppedPacket& packet) {
  Row& row = rows_[RowOf(blamed)];
  const uint64_t number = row.ended.load(std::memory_order_relaxed);
  row.begun.store(number + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  std::array<uint64_t, kWords> words;
  std::memcpy(words.data(), &packet, sizeof(packet));
  auto& entry = row.entries[number % kEach];
  for (size_t i = 0; i < kWords; ++i) entry[i].store(words[i], std::memory_order_relaxed);
  row.ended.store(number + 1, std::memory_order_release);
}

uint64_t DropLog::count(PortId blamed) const {
  return rows_[RowOf(blamed)].ended.load(std::memory_order_acquire);
}

std::vector<DroppedPacket> DropLog::Read(PortId blamed, uint64_t since) const {
  const Row& row = rows_[RowOf(blamed)];
  const uint64_t end = row.ended.load(std::memory_order_acquire);
  const uint64_t first = std::max(since, end - std::min<uint64_t>(end, kEach));
  std::vector<DroppedPacket> packets;
  for (uint64_t number = first; number < end; ++number) {
    std::array<uint64_t, kWords> words;
    const auto& entry = row.entries[number % kEach];
    for (size_t i = 0; i < kWords; ++i) words[i] = entry[i].load(std::memory_order_relaxed);
    std::memcpy(static_cast<void*>(&packets.emplace_back()), words.data(), sizeof(DroppedPacket));
  }
  std::atomic_thread_fence(std::memory_order_acquire);
  // What the worker has begun to write over since may be a mixture.
  const uint64_t begun = row.begun.load(std::memory_order_relaxed);
  const uint64_t intact = begun - std::min<uint64_t>(begun, kEach);
  if (intact > first) {
    packets.erase(packets.begin(),
                  packets.begin() +
                      static_cast<ptrdiff_t>(std::min(intact - first, uint64_t{packets.size()})));
  }
  return packets;
}

}  // namespace weft
