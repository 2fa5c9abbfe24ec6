// SPDX-License-Identifier: Apache-2.0
#include "bench/support/stage.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/graph/arc_entry.h"
#include "nodes/l2/flood.h"
#include "nodes/l2/l2_switch.h"
#include "nodes/vhost/vhost_input.h"
#include "nodes/vhost/vhost_output.h"

namespace weft::bench {
namespace {

using vhost::Direction;
using vhost::testing::Bytes;
using vhost::testing::Guest;
using vhost::testing::GuestQueue;
using vhost::testing::GuestRing;
using vhost::testing::PackedGuestRing;

constexpr uint16_t kRing = 1024;
constexpr size_t kPool = 1024;

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "bench: %s\n", value.status().ToString().c_str());
  std::abort();
}
void Must(const absl::Status& status) {
  Must(absl::StatusOr<int>(status.ok() ? absl::StatusOr<int>(0) : status));
}

std::unique_ptr<GuestQueue> MakeRing(RingKind kind, Guest& guest, Direction direction,
                                     PortId port) {
  if (kind == RingKind::kSplit) return std::make_unique<GuestRing>(guest, kRing, direction, port);
  return std::make_unique<PackedGuestRing>(guest, kRing, direction, port, uint16_t{0},
                                           kind == RingKind::kPackedInOrder);
}

}  // namespace

MacAddress MacOf(uint16_t number) { return MacAddress::FromBits(0x0200'0000'0100U + number); }

// Its frames lie where they are from the beginning; only their destination is written.
struct Stage::Container {
  Container(uint16_t number, const StageOptions& options)
      : guest(size_t{kRing} * (options.frame + options.receive_buffer + 512) + (4 << 20)),
        out_ring(MakeRing(options.rings, guest, Direction::kToSwitch, PortId(number))),
        in_ring(MakeRing(options.rings, guest, Direction::kToGuest, PortId(number))),
        out(*out_ring),
        in(*in_ring) {
    const uint32_t length = vhost::kNetHeader + options.frame;
    const size_t descriptors = options.shape == Shape::kHeaderAlone ? 2 : 1;
    for (size_t i = 0; i < kRing / descriptors; ++i) {
      Bytes bytes(length);
      std::memcpy(&bytes[vhost::kNetHeader + 6], MacOf(number).octets().data(), 6);
      bytes[vhost::kNetHeader + 12] = 0x08;
      // An odd number of cache lines apart, so that frames do not fall on the same few sets.
      const uint64_t at = guest.Put(bytes);
      if ((length + 63) / 64 % 2 == 0) guest.Allocate(64);
      std::vector<std::pair<uint64_t, uint32_t>> pieces = {{at, length}};
      if (options.shape != Shape::kOneDescriptor) {
        pieces = {{at, vhost::kNetHeader}, {at + vhost::kNetHeader, options.frame}};
      }
      frames.push_back(guest.At(at + vhost::kNetHeader));
      heads.push_back(out.MakeChain(pieces, options.shape == Shape::kIndirect
                                                ? vhost::testing::Layout::kIndirect
                                                : vhost::testing::Layout::kDirect));
    }
    for (uint16_t i = 0; i < kRing; ++i) {
      const uint64_t at = guest.Allocate(options.receive_buffer);
      if ((options.receive_buffer + 63) / 64 % 2 == 0) guest.Allocate(64);
      const std::pair<uint64_t, uint32_t> piece{at, options.receive_buffer};
      in.OfferChain({&piece, 1});
    }
  }

  Guest guest;
  std::unique_ptr<GuestQueue> out_ring, in_ring;
  GuestQueue& out;
  GuestQueue& in;
  std::vector<uint8_t*> frames;
  std::vector<uint16_t> heads;
  size_t next = 0;
};

Stage::Stage(const StageOptions& options) : l2_(rcu_, {}), slots_(kPool), pool_(slots_, kPool) {
  AddNodes(options);
  bridge_ = Must(l2_.AddBridge("default"));
  std::vector<vhost::PortRings> rings;
  std::vector<PortWiring> wiring;
  for (uint16_t i = 0; i < options.containers; ++i) {
    const PortId port(i);
    containers_.push_back(std::make_unique<Container>(i, options));
    Container& c = *containers_.back();
    c.in.view().mergeable = options.mergeable;
    for (GuestQueue* ring : {&c.in, &c.out}) {
      ring->queue().view.Store(rcu_, std::make_unique<vhost::RingView>(ring->view()));
    }
    rings.push_back({.port = port,
                     .mtu = options.mtu,
                     .queues = {{.worker = WorkerId(0),
                                 .to_switch = c.out.shared_queue(),
                                 .to_peer = c.in.shared_queue()}}});
    wiring.push_back({.port = port, .output = "vhost-output"});
    if (options.features) wiring.back().features = options.features(port);
    Must(l2_.AddPort(port, bridge_, {}));
    l2_.PortUp(port);
  }
  table_.Store(rcu_, std::make_unique<vhost::VhostTable>(std::move(rings)));
  const auto plan = Must(GraphPlan::Build(catalog_));
  arcs_.Store(rcu_, Must(ArcTables::Build(*plan, wiring)));
  graph_ = std::make_unique<Graph>(plan, WorkerId(0), arcs_, pool_, counters_);
  // Everybody has been heard once.
  for (uint16_t i = 0; i < options.containers; ++i) {
    Offer(i, 1, MacAddress::FromBits(0xffff'ffff'ffff));
    Poll();
    Reclaim();
  }
}

Stage::~Stage() = default;

void Stage::AddNodes(const StageOptions& options) {
  const auto add = [&](NodeClass node) { Must(catalog_.Add(std::move(node)).status()); };
  add(NodeClassOf<vhost::VhostInput>([this](WorkerId worker) {
    return std::make_unique<vhost::VhostInput>(table_, notifier_, worker);
  }));
  add(NodeClassOf<vhost::VhostOutput>([this](WorkerId worker) {
    return std::make_unique<vhost::VhostOutput>(table_, notifier_, worker);
  }));
  add(NodeClassOf<l2::L2Switch>([this](WorkerId) { return std::make_unique<l2::L2Switch>(l2_); }));
  add(NodeClassOf<l2::Flood>([this](WorkerId) { return std::make_unique<l2::Flood>(l2_); }));
  add(NodeClassOf<ArcEntry<Arc::kPortInput>>(
      [](WorkerId) { return std::make_unique<ArcEntry<Arc::kPortInput>>(); }));
  add(NodeClassOf<ArcEntry<Arc::kPortOutput>>(
      [](WorkerId) { return std::make_unique<ArcEntry<Arc::kPortOutput>>(); }));
  if (options.add_nodes) options.add_nodes(catalog_);
}

void Stage::Offer(uint16_t from, size_t count, std::span<const MacAddress> destinations,
                  std::span<const MacAddress> sources) {
  Container& c = *containers_[from];
  for (size_t i = 0; i < count; ++i) {
    const size_t at = c.next++ % c.heads.size();
    std::memcpy(c.frames[at], destinations[i % destinations.size()].octets().data(), 6);
    if (!sources.empty()) {
      std::memcpy(c.frames[at] + 6, sources[i % sources.size()].octets().data(), 6);
    }
    c.out.Offer(c.heads[at]);
  }
}

void Stage::Learn(MacAddress address, uint16_t container) {
  constexpr uint32_t kNoLimit = ~0U;
  const l2::FdbKey key(bridge_, address);
  if (l2_.fdb().Learn(key, PortId(container), kNoLimit, l2_.now()) != l2::LearnResult::kLearned) {
    std::abort();
  }
}

size_t Stage::Reclaim() {
  size_t used = 0;
  for (const auto& c : containers_) {
    c->out.TakeUsed();
    for (const vhost::UsedElement& element : c->in.TakeUsed()) {
      c->in.Offer(static_cast<uint16_t>(element.head));
      ++used;
    }
  }
  return used;
}

}  // namespace weft::bench
