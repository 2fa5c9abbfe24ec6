// SPDX-License-Identifier: Apache-2.0
#include "bench/load/null_switch.h"

#include <algorithm>
#include <cstring>

#include "core/worker/cpu_set.h"

namespace weft::load {
namespace {

constexpr uint32_t kBurst = 256;

// The switch's view of one way: what it has taken from the sender and given to the receiver.
class Way {
 public:
  Way(const SplitRing& from, const SplitRing& to) : from_(from), to_(to) {
    for (const SplitRing* ring : {&from_, &to_}) {
      for (uint16_t i = 0; i < ring->size; ++i) {
        const SplitRing::UsedElement element{.head = i, .length = 12 + 64};
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

}  // namespace

NullSwitch::NullSwitch(const RingPair<SplitRing>& one, const RingPair<SplitRing>& two, int core) {
  thread_ = std::thread([this, core, there = Way(one.transmit, two.receive),
                         back = Way(two.transmit, one.receive)]() mutable {
    PinCallingThread({static_cast<uint16_t>(core)});
    while (!stop_.load(std::memory_order_relaxed)) {
      there.Move();
      back.Move();
    }
  });
}

NullSwitch::~NullSwitch() {
  stop_ = true;
  thread_.join();
}

}  // namespace weft::load
