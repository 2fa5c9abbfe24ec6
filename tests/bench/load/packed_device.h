// SPDX-License-Identifier: Apache-2.0
// The device's side of packed rings, for tests of the driver that shares no code with it: it moves
// frames from one container's transmit ring to another's receive ring, as slowly and in as strange
// an order as virtio 1.2 §2.8 allows.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "bench/load/front_end.h"

namespace weft::load::testing {

class DeviceRing {
 public:
  struct Buffer {
    uint8_t* at;
    uint32_t length;
    uint16_t id;
  };

  DeviceRing(const RingPlace& place, bool writes) : place_(place), writes_(writes) {}

  // The next buffer that the driver offers, if there is one.
  std::optional<Buffer> Take() {
    const uint8_t* const d = place_.descriptors + 16 * taken_.at;
    const auto flags = Get<uint16_t>(d + 14);
    const bool available = (flags >> 7 & 1) != 0;
    const bool used = (flags >> 15 & 1) != 0;
    if (available != taken_.wrap || used == taken_.wrap) return std::nullopt;
    EXPECT_EQ(flags & 2, writes_ ? 2 : 0) << "direction";
    EXPECT_EQ(flags & 5, 0) << "neither a chain nor a table";
    const Buffer buffer{reinterpret_cast<uint8_t*>(Get<uint64_t>(d)), Get<uint32_t>(d + 8),
                        Get<uint16_t>(d + 12)};
    EXPECT_LT(buffer.id, place_.size);
    EXPECT_TRUE(held_.insert(buffer.id).second) << "buffer " << buffer.id << " is here already";
    if (buffer.id != taken_.at) ++strangers_;
    taken_.Advance(1, place_.size);
    return buffer;
  }
  // Returns a buffer, and the `before` that it took before it by the same used descriptor (§2.8.8).
  void Return(uint16_t id, uint32_t length, uint16_t before = 0) {
    uint8_t* const d = place_.descriptors + 16 * returned_.at;
    std::memcpy(d + 8, &length, sizeof(length));
    std::memcpy(d + 12, &id, sizeof(id));
    const uint16_t flags = returned_.wrap ? 0x8080 : 0;
    __atomic_store_n(reinterpret_cast<uint16_t*>(d + 14), flags, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i <= before; ++i) held_.erase(static_cast<uint16_t>(id - i) % place_.size);
    returned_.Advance(before + 1u, place_.size);
  }
  void WriteEvent(uint16_t flags) { std::memcpy(place_.used + 2, &flags, sizeof(flags)); }
  uint16_t driver_event() const { return Get<uint16_t>(place_.available + 2); }

  size_t held() const { return held_.size(); }
  // Buffers that came at a place which is not their number.
  size_t strangers() const { return strangers_; }
  uint64_t laps() const { return returned_.laps; }

 private:
  struct Cursor {
    uint16_t at = 0;
    bool wrap = true;
    uint64_t laps = 0;
    void Advance(uint32_t by, uint16_t size) {
      at = static_cast<uint16_t>(at + by);
      if (at < size) return;
      at = static_cast<uint16_t>(at - size);
      wrap = !wrap;
      ++laps;
    }
  };
  template <typename T>
  static T Get(const uint8_t* at) {
    return __atomic_load_n(reinterpret_cast<const T*>(at), __ATOMIC_ACQUIRE);
  }

  const RingPlace place_;
  const bool writes_;
  Cursor taken_, returned_;
  std::set<uint16_t> held_;
  size_t strangers_ = 0;
};

// One way from container to container.
class Way {
 public:
  Way(const RingPlace& from, const RingPlace& to, bool in_order)
      : from_(from, false), to_(to, true), in_order_(in_order) {}

  // Moves at most `most` frames in order; returns how many. What the sender gets back, when, and
  // which of its buffers the receiver finds them in, is chance, unless `in_order`.
  uint32_t Move(uint32_t most, std::mt19937& random) {
    while (const auto buffer = to_.Take()) empty_.push_back(*buffer);
    uint32_t moved = 0;
    for (; moved < most && !empty_.empty(); ++moved) {
      const auto frame = from_.Take();
      if (!frame) break;
      const size_t which = in_order_ ? 0 : random() % empty_.size();
      const DeviceRing::Buffer buffer = empty_[which];
      empty_.erase(empty_.begin() + static_cast<ptrdiff_t>(which));
      EXPECT_LE(frame->length, buffer.length);
      std::memcpy(buffer.at, frame->at, frame->length);
      to_.Return(buffer.id, frame->length);
      sent_.push_back(frame->id);
    }
    if (random() % 4 != 0) ReturnSome(random() % (sent_.size() + 1), random);
    return moved;
  }
  void ReturnAll(std::mt19937& random) { ReturnSome(sent_.size(), random); }

  const DeviceRing& from() const { return from_; }
  const DeviceRing& to() const { return to_; }

 private:
  void ReturnSome(size_t count, std::mt19937& random) {
    if (count == 0) return;
    const auto end = sent_.begin() + static_cast<ptrdiff_t>(count);
    if (in_order_) {
      from_.Return(*(end - 1), 0, static_cast<uint16_t>(count - 1));
    } else {
      std::shuffle(sent_.begin(), sent_.end(), random);
      std::for_each(sent_.begin(), end, [this](uint16_t id) { from_.Return(id, 0); });
    }
    sent_.erase(sent_.begin(), end);
  }

  DeviceRing from_, to_;
  const bool in_order_;
  std::vector<DeviceRing::Buffer> empty_;  // of the receiver
  std::vector<uint16_t> sent_;             // of the sender, to be returned
};

}  // namespace weft::load::testing
