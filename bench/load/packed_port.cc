// SPDX-License-Identifier: Apache-2.0
#include "bench/load/packed_port.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace weft::load {
namespace {

constexpr uint64_t kFeatureRingPacked = uint64_t{1} << 34;  // virtio 1.2 §6

template <Work kWork>
class PackedPort final : public RingPort<PackedRing, kWork> {
  using Base = RingPort<PackedRing, kWork>;
  using Base::account;

 public:
  PackedPort(const ContainerOptions& options, Container<PackedRing> container)
      : Base(options, std::move(container)),
        received_(options.ring, true),
        sent_(options.ring, false),
        lengths_(options.ring) {
    for (PackedRing* ring : {&Base::receive(), &Base::transmit()}) {
      ring->in_order = options.kind == RingKind::kPackedInOrder;
    }
    for (uint16_t i = 0; i < options.ring; ++i) lengths_[i] = Base::Fill(i);
    account().Restart();
  }

  uint32_t Send(uint32_t most) override {
    PackedRing& ring = Base::transmit();
    most = std::min(most, Base::options().burst);
    const auto room = [&] { return uint32_t{ring.size} - ring.away; };
    if (room() < most) {
      ring.TakeBack(ring.size, [this](uint16_t id, uint32_t) { Back(sent_, id); });
    }
    const uint32_t count = std::min(room(), most);
    if (count == 0) return 0;
    ring.Offer(count, 0, [this](uint16_t id) {
      if constexpr (kWork != Work::kVerify) return lengths_[id];
      sent_[id] = true;
      return Base::Fill(id);
    });
    Base::Kick(ring, Base::kTransmit);
    return count;
  }

  uint32_t Receive() override {
    PackedRing& ring = Base::receive();
    const uint64_t now = account().Now();
    const uint32_t count =
        ring.TakeBack(Base::options().burst, [this, now](uint16_t id, uint32_t length) {
          Back(received_, id);
          Base::Look(id, length, now);
        });
    if (count == 0) return 0;
    if constexpr (kWork != Work::kVerify) account().Count(count);
    ring.Offer(count, PackedRing::kWrite, [this, &ring](uint16_t id) {
      if constexpr (kWork == Work::kVerify) received_[id] = true;
      return ring.buffers.bytes;
    });
    Base::Kick(ring, Base::kReceive);
    return count;
  }

 private:
  // With kVerify a buffer that comes back twice is noticed too.
  static void Back(std::vector<char>& away, uint16_t id) {
    if constexpr (kWork != Work::kVerify) return;
    if (!away[id]) PackedRing::NeverGiven(id);
    away[id] = false;
  }

  std::vector<char> received_;  // by buffer: whether the switch has it; with kVerify
  std::vector<char> sent_;
  std::vector<uint32_t> lengths_;  // of what lies ready in the transmit buffers
};

}  // namespace

absl::StatusOr<AttachedPort> MakePackedPort(const ContainerOptions& options) {
  const bool in_order = options.kind == RingKind::kPackedInOrder;
  return MakeRingPort<PackedPort, PackedRing>(
      options, kFeatureRingPacked | (in_order ? vhost::kFeatureInOrder : 0));
}

}  // namespace weft::load
