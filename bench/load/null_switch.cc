// SPDX-License-Identifier: Apache-2.0
#include "bench/load/null_switch.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <variant>

#include "core/worker/cpu_set.h"

namespace weft::load {
namespace {

constexpr uint32_t kBurst = 256;
constexpr uint32_t kFrame = kNetHeader + 64;

// The switch's view of one way: what it has taken from the sender and given to the receiver.
class SplitWay {
 public:
  SplitWay(const SplitRing& from, const SplitRing& to) : from_(from), to_(to) {
    for (const SplitRing* ring : {&from_, &to_}) {
      for (uint16_t i = 0; i < ring->size; ++i) {
        const SplitRing::UsedElement element{.head = i, .length = kFrame};
        std::memcpy(reinterpret_cast<uint8_t*>(ring->used) + 4 + 8 * i, &element, sizeof(element));
      }
    }
  }

  void Move() {
    const uint16_t count = static_cast<uint16_t>(
        std::min<uint32_t>(kBurst, std::min(Available(from_, taken_), Available(to_, given_))));
    if (count == 0) return;
    taken_ = static_cast<uint16_t>(taken_ + count);
    given_ = static_cast<uint16_t>(given_ + count);
    Publish(to_, given_);
    Publish(from_, taken_);
  }

 private:
  static uint32_t Available(const SplitRing& ring, uint16_t position) {
    const uint16_t index =
        std::atomic_ref<const uint16_t>(ring.available[1]).load(std::memory_order_acquire);
    return static_cast<uint16_t>(index - position);
  }
  static void Publish(const SplitRing& ring, uint16_t index) {
    std::atomic_ref<uint16_t>(ring.used[1]).store(index, std::memory_order_release);
  }

  const SplitRing from_;
  const SplitRing to_;
  uint16_t taken_ = 0;
  uint16_t given_ = 0;
};

// What a packed ring has to be written for each buffer; in order, one descriptor speaks for all
// that the sender gets back.
class PackedWay {
 public:
  PackedWay(PackedRing from, PackedRing to) : from_(std::move(from)), to_(std::move(to)) {}

  void Move() {
    uint32_t count = 0;
    for (PackedRing::Cursor from = taken_, to = given_; count < kBurst; ++count) {
      const PackedRing::Rest sent = PackedRing::Load(from_.descriptors[from.at]);
      const PackedRing::Rest offered = PackedRing::Load(to_.descriptors[to.at]);
      if (!IsOffered(sent, from) || !IsOffered(offered, to)) break;
      from_ids_[count] = sent.id;
      to_ids_[count] = offered.id;
      from.Advance(from_.size);
      to.Advance(to_.size);
    }
    if (count == 0) return;
    Return(to_, given_, to_ids_, count, kFrame);
    if (from_.in_order) {
      PackedRing::Store(from_.descriptors[taken_.at], {0, from_ids_[count - 1], taken_.used()});
      for (uint32_t i = 0; i < count; ++i) taken_.Advance(from_.size);
    } else {
      Return(from_, taken_, from_ids_, count, 0);
    }
  }

 private:
  using Ids = std::array<uint16_t, kBurst>;

  static bool IsOffered(PackedRing::Rest rest, const PackedRing::Cursor& at) {
    return (rest.flags & (PackedRing::kAvailable | PackedRing::kUsed)) == at.offered();
  }
  // The first last, as the containers do it.
  static void Return(PackedRing& ring, PackedRing::Cursor& at, const Ids& ids, uint32_t count,
                     uint32_t length) {
    PackedRing::Descriptor& first = ring.descriptors[at.at];
    const PackedRing::Rest first_rest{length, ids[0], at.used()};
    at.Advance(ring.size);
    for (uint32_t i = 1; i < count; ++i) {
      PackedRing::Store(ring.descriptors[at.at], {length, ids[i], at.used()});
      at.Advance(ring.size);
    }
    PackedRing::Store(first, first_rest);
  }

  PackedRing from_;
  PackedRing to_;
  PackedRing::Cursor taken_, given_;
  Ids from_ids_, to_ids_;
};

SplitWay WayOf(const SplitRing& from, const SplitRing& to) { return {from, to}; }
PackedWay WayOf(const PackedRing& from, const PackedRing& to) { return {from, to}; }

template <typename Way>
void Run(Way there, Way back, int core, const std::atomic<bool>& stop) {
  PinCallingThread({static_cast<uint16_t>(core)});
  while (!stop.load(std::memory_order_relaxed)) {
    there.Move();
    back.Move();
  }
}

}  // namespace

NullSwitch::NullSwitch(const AnyRings& one, const AnyRings& two, int core) {
  std::visit(
      [&](const auto& a) {
        const auto& b = std::get<std::decay_t<decltype(a)>>(two);
        thread_ =
            std::thread([this, core, there = WayOf(a.transmit, b.receive),
                         back = WayOf(b.transmit, a.receive)] { Run(there, back, core, stop_); });
      },
      one);
}

NullSwitch::~NullSwitch() {
  stop_ = true;
  thread_.join();
}

}  // namespace weft::load
