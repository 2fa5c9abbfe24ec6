// SPDX-License-Identifier: Apache-2.0
#include "bench/load/split_port.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace weft::load {
namespace {

[[noreturn]] void OutOfOrder() {
  std::fprintf(
      stderr, "load: the switch does not return buffers in order; measure it with --work=verify\n");
  std::abort();
}

template <Work kWork>
class SplitPort final : public RingPort<SplitRing, kWork> {
  using Base = RingPort<SplitRing, kWork>;
  using Base::account;

 public:
  SplitPort(const ContainerOptions& options, Container<SplitRing> container)
      : Base(options, std::move(container)) {
    SplitRing& ring = Base::transmit();
    for (uint16_t i = 0; i < ring.size; ++i) {
      ring.descriptors[i].length = Base::Fill(i);
      free_.push_back(static_cast<uint16_t>(ring.size - 1 - i));
    }
    account().Restart();
  }

  uint32_t Send(uint32_t most) override {
    SplitRing& ring = Base::transmit();
    most = std::min(most, Base::options().burst);
    const uint32_t count = std::min(Room(ring, most), most);
    if (count == 0) return 0;
    if constexpr (kWork == Work::kVerify) {
      for (uint32_t i = 0; i < count; ++i) {
        const uint16_t head = free_.back();
        free_.pop_back();
        ring.descriptors[head].length = Base::Fill(head);
        ring.head_at(static_cast<uint16_t>(ring.next + i)) = head;
      }
    }
    ring.Offer(count);
    Base::Kick(ring, Base::kTransmit);
    return count;
  }

  uint32_t Receive() override {
    SplitRing& ring = Base::receive();
    if (ring.used_seen == ring.returned) ring.LookAtUsed();
    const uint32_t count = std::min<uint32_t>(
        Base::options().burst, static_cast<uint16_t>(ring.used_seen - ring.returned));
    if (count == 0) return 0;
    LookAtAll(ring, count);
    ring.returned = static_cast<uint16_t>(ring.returned + count);
    ring.Offer(count);
    Base::Kick(ring, Base::kReceive);
    return count;
  }

 private:
  // How many frames fit; loads the used index only if what is known is not enough.
  uint32_t Room(SplitRing& ring, uint32_t wanted) {
    const auto room = [&] {
      return ring.size - uint32_t{static_cast<uint16_t>(ring.next - ring.returned)};
    };
    if (room() >= wanted) return room();
    ring.LookAtUsed();
    if constexpr (kWork == Work::kVerify) {
      for (; ring.returned != ring.used_seen; ++ring.returned) {
        free_.push_back(static_cast<uint16_t>(ring.used_element(ring.returned).head));
      }
    } else if (ring.returned != ring.used_seen) {
      CheckOrder(ring, static_cast<uint16_t>(ring.used_seen - 1));
      ring.returned = ring.used_seen;
    }
    return room();
  }

  static void CheckOrder(const SplitRing& ring, uint16_t position) {
    if (ring.used_element(position).head != (position & (ring.size - 1u))) OutOfOrder();
  }

  void LookAtAll(SplitRing& ring, uint32_t count) {
    if constexpr (kWork != Work::kVerify) {
      CheckOrder(ring, static_cast<uint16_t>(ring.returned + count - 1));
      account().Count(count);
    }
    if constexpr (kWork == Work::kNone) return;
    const uint64_t now = account().Now();
    for (uint32_t i = 0; i < count; ++i) {
      const SplitRing::UsedElement used =
          ring.used_element(static_cast<uint16_t>(ring.returned + i));
      Base::Look(used.head, used.length, now);
      if constexpr (kWork == Work::kVerify) {
        ring.head_at(static_cast<uint16_t>(ring.next + i)) = static_cast<uint16_t>(used.head);
      }
    }
  }

  std::vector<uint16_t> free_;  // transmit buffers, with kVerify
};

}  // namespace

absl::StatusOr<AttachedPort> MakeSplitPort(const ContainerOptions& options) {
  return MakeRingPort<SplitPort, SplitRing>(options, 0);
}

}  // namespace weft::load
