// SPDX-License-Identifier: Apache-2.0
// What the rings cost: frames from one container's memory into another's, without a graph, on one
// core. `ticks` is TSC ticks a packet, median over the
// bursts, for RingReader (`read`) and RingWriter (`write`) together; filling and emptying
// the rings, the containers' part, is not measured. The containers share the core with weft here,
// so that no cache line comes from elsewhere: it is a floor, not a forecast.
#include <benchmark/benchmark.h>

#include "bench/support/slots.h"
#include "bench/support/ticks.h"
#include "core/base/clock.h"
#include "nodes/vhost/receive_ring.h"
#include "nodes/vhost/split_ring.h"
#include "tests/nodes/vhost/guest_driver.h"

namespace weft::vhost {
namespace {

using testing::Bytes;
using testing::Guest;
using testing::GuestRing;

// How a frame lies in the sender's ring.
enum class Shape : int64_t { kOneDescriptor, kHeaderAlone, kIndirect };

// A ring of 1024 whose buffers are offered again and again.
class Container {
 public:
  Container(Direction direction, size_t buffer, Shape shape)
      : ring_(guest_, kSize, direction), heads_(kSize / 2) {
    for (uint16_t& head : heads_) {
      const uint64_t at = guest_.Put(Bytes(buffer), 2048);
      const auto length = static_cast<uint32_t>(buffer);
      std::vector<std::pair<uint64_t, uint32_t>> pieces = {{at, length}};
      if (shape != Shape::kOneDescriptor) pieces = {{at, 12}, {at + 12, length - 12}};
      head = ring_.MakeChain(pieces, shape == Shape::kIndirect ? testing::Layout::kIndirect
                                                               : testing::Layout::kDirect);
    }
  }
  void Offer(size_t count) {
    for (size_t i = 0; i < count; ++i) ring_.Offer(heads_[next_++ % heads_.size()]);
  }
  GuestRing& ring() { return ring_; }

 private:
  static constexpr uint16_t kSize = 1024;
  Guest guest_{8 << 20};
  GuestRing ring_;
  std::vector<uint16_t> heads_;
  size_t next_ = 0;
};

void RingToRing(benchmark::State& state) {
  const auto frame = static_cast<size_t>(state.range(0));
  const auto burst = static_cast<size_t>(state.range(1));
  const auto shape = static_cast<Shape>(state.range(2));
  Container from(Direction::kToSwitch, kNetHeader + frame, shape);
  Container to(Direction::kToGuest, 2048, Shape::kOneDescriptor);
  bench::Slots slots(1024);
  PacketPool pool(slots, 1024);
  auto reader = std::make_unique<RingReader>();
  auto writer = std::make_unique<RingWriter>();
  std::array<Packet*, kMaxBurst> packets;
  ReceiveTally received;
  TransmitTally sent;

  std::vector<uint64_t> reading;
  std::vector<uint64_t> writing;
  for (auto _ : state) {
    from.Offer(burst);
    to.Offer(burst);
    const uint64_t start = Cycles();
    const size_t got = reader->Receive(from.ring().queue(), from.ring().view(), 9000, pool,
                                       packets.data(), burst, received);
    const uint64_t middle = Cycles();
    benchmark::DoNotOptimize(
        writer->Transmit(to.ring().queue(), to.ring().view(), 9000, packets.data(), got, sent));
    benchmark::DoNotOptimize(RingWriter::Publish(to.ring().queue(), to.ring().view()));
    benchmark::DoNotOptimize(RingReader::Finish(from.ring().queue(), from.ring().view()));
    reader->EndDispatch();
    pool.EndDispatch();
    reading.push_back(middle - start);
    writing.push_back(Cycles() - middle);
  }
  if (sent.packets != burst * state.iterations()) state.SkipWithError("frames were lost");
  const double read = bench::Median(reading) / static_cast<double>(burst);
  const double write = bench::Median(writing) / static_cast<double>(burst);
  state.counters["read"] = read;
  state.counters["write"] = write;
  state.counters["ticks"] = read + write;
}
BENCHMARK(RingToRing)
    ->ArgNames({"bytes", "burst", "shape"})
    ->ArgsProduct({{64, 512, 1500}, {256}, {0, 1, 2}})
    ->ArgsProduct({{64}, {1, 32}, {0}});

}  // namespace
}  // namespace weft::vhost
