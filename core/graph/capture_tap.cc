// SPDX-License-Identifier: Apache-2.0
#include "core/graph/capture_tap.h"

#include <algorithm>
#include <cstring>

namespace weft {

void CaptureRing::Write(uint64_t at, const void* from, size_t length) {
  const size_t start = at % size_;
  const size_t first = std::min(length, size_ - start);
  std::memcpy(bytes_.get() + start, from, first);
  std::memcpy(bytes_.get(), static_cast<const uint8_t*>(from) + first, length - first);
}

void CaptureRing::Read(uint64_t at, void* to, size_t length) const {
  const size_t start = at % size_;
  const size_t first = std::min(length, size_ - start);
  std::memcpy(to, bytes_.get() + start, first);
  std::memcpy(static_cast<uint8_t*>(to) + first, bytes_.get(), length - first);
}

void CaptureRing::Push(const CapturedStep& step, const uint8_t* bytes) {
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  Write(tail, &step, sizeof(step));
  Write(tail + sizeof(step), bytes, step.kept);
  tail_.store(tail + Needs(step.kept), std::memory_order_release);
}

const CapturedStep* CaptureRing::Front() {
  const uint64_t head = head_.load(std::memory_order_relaxed);
  if (head == tail_.load(std::memory_order_acquire)) return nullptr;
  Read(head, &front_, sizeof(front_));
  return &front_;
}

bool CaptureRing::Pop(CapturedStep& step, std::vector<uint8_t>& bytes) {
  const CapturedStep* const front = Front();
  if (front == nullptr) return false;
  step = *front;
  bytes.resize(step.kept);
  const uint64_t head = head_.load(std::memory_order_relaxed);
  Read(head + sizeof(step), bytes.data(), step.kept);
  head_.store(head + Needs(step.kept), std::memory_order_release);
  return true;
}

void CaptureTap::Take(CapturedStep step, const uint8_t* bytes, size_t count) {
  const PacketFilter* const filter = rule_->filter.get();
  if (filter != nullptr && !filter->Matches(bytes, count, step.length)) return;
  step.kept = static_cast<uint32_t>(std::min<size_t>(count, rule_->snap_length));
  if (budget_->packets.load(std::memory_order_relaxed) >= rule_->max_packets ||
      budget_->bytes.load(std::memory_order_relaxed) >= rule_->max_bytes) {
    return;
  }
  if (!ring_.HasRoom(step.kept)) {
    lost.Add();
    return;
  }
  // Workers share the limits: who comes too late has not been there.
  if (budget_->packets.fetch_add(1, std::memory_order_relaxed) >= rule_->max_packets ||
      budget_->bytes.fetch_add(step.kept, std::memory_order_relaxed) >= rule_->max_bytes) {
    return;
  }
  ring_.Push(step, bytes);
}

}  // namespace weft
