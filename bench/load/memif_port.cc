// SPDX-License-Identifier: Apache-2.0
#include "bench/load/memif_port.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>

#include "bench/load/memif_client.h"
#include "bench/load/memif_ring.h"

namespace weft::load {
namespace {

constexpr std::chrono::milliseconds kWait(10);
constexpr int kQuietWaits = 5;
constexpr int kMostWaits = 100;

[[noreturn]] void Chained() {
  std::fprintf(stderr, "load: the switch's device puts a frame into more than one buffer\n");
  std::abort();
}

template <Work kWork>
class MemifPort final : public RingPort<MemifRing, kWork> {
  using Base = RingPort<MemifRing, kWork>;
  using Base::account;

 public:
  MemifPort(const ContainerOptions& options, Container<MemifRing> container)
      : Base(options, std::move(container)) {
    MemifRing& ring = Base::transmit();
    for (uint16_t i = 0; i < ring.size; ++i) ring.descriptors[i].length = Base::Fill(i);
    account().Restart();
  }

  // The server unmaps our memory when we go, whether or not its worker is just using it (DPDK
  // 22.11's net_memif), so we go when it has been at rest for a while.
  ~MemifPort() override {
    if (!client_) return;
    uint16_t seen = Base::receive().tail();
    for (int i = 0, quiet = 0; i < kMostWaits && quiet < kQuietWaits; ++i) {
      std::this_thread::sleep_for(kWait);
      const uint16_t now = Base::receive().tail();
      const bool rest = now == seen && Base::transmit().tail() == Base::transmit().next;
      quiet = rest ? quiet + 1 : 0;
      seen = now;
    }
  }

  absl::Status Attach(uint64_t) {
    absl::StatusOr<MemifClient> client =
        MemifClient::Attach(Base::options().socket, Base::memory(), Base::receive(),
                            Base::transmit(), Base::options().nic_queues);
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
    Base::receive().OfferAll();
    return absl::OkStatus();
  }

  uint32_t Send(uint32_t most) override {
    MemifRing& ring = Base::transmit();
    most = std::min(most, Base::options().burst);
    const auto room = [&] {
      return ring.size - uint32_t{static_cast<uint16_t>(ring.next - ring.returned)};
    };
    if (room() < most) ring.returned = ring.tail();
    const uint32_t count = std::min(room(), most);
    if (count == 0) return 0;
    if constexpr (kWork == Work::kVerify) {
      for (uint32_t i = 0; i < count; ++i) {
        const uint16_t slot = ring.slot(ring.next + i);
        ring.descriptors[slot].length = Base::Fill(slot);
      }
    }
    ring.Offer(count);
    if (client_ && ring.WantsKick()) client_->Kick();
    return count;
  }

  uint32_t Receive() override {
    MemifRing& ring = Base::receive();
    const uint64_t now = account().Now();
    const uint32_t count = std::min<uint32_t>(Base::options().burst,
                                              static_cast<uint16_t>(ring.tail() - ring.returned));
    if (count == 0) return 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint16_t slot = ring.slot(ring.returned + i);
      MemifRing::Descriptor& descriptor = ring.descriptors[slot];
      if ((descriptor.flags & MemifRing::kChained) != 0) Chained();
      Base::Look(slot, descriptor.length, now);
      descriptor.length = ring.buffers.bytes;
    }
    if constexpr (kWork != Work::kVerify) account().Count(count);
    ring.returned = static_cast<uint16_t>(ring.returned + count);
    ring.Offer(count);
    return count;
  }

 private:
  std::optional<MemifClient> client_;
};

}  // namespace

absl::StatusOr<AttachedPort> MakeMemifPort(const ContainerOptions& options) {
  return MakeRingPort<MemifPort, MemifRing>(options, 0);
}

}  // namespace weft::load
