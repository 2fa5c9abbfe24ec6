// SPDX-License-Identifier: Apache-2.0
// Lies by race: another thread rewrites what the switch reads, while it reads it. What was checked
// must be what is sent: no forged source and no frame for another address comes to a witness.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/race_rewriter.h"
#include "tests/nodes/vhost/packed_driver.h"
#include "tests/support/offload_frames.h"

namespace weft::hostile {
namespace {

using vhost::testing::Guest;
using vhost::testing::Layout;
using vhost::testing::PackedGuestRing;
using Field = RingRewriter::Field;

constexpr size_t kChains = 64;
constexpr uint32_t kBufferBytes = 2048;
constexpr uint32_t kFrameBytes = 400;
constexpr uint64_t kShortRace = 20'000;  // chains that the switch has taken
constexpr uint64_t kLongRace = 1'000'000;
constexpr const char* kBadOffload = "bad-offload";

constexpr std::pair<Field, const char*> kFields[] = {
    {Field::kLength, "lengths"},
    {Field::kAddress, "addresses"},
    {Field::kFlags, "flags"},
    {Field::kMacs, "addresses of frames"},
    {Field::kTypes, "types and tags of frames"},
    {Field::kNetHeader, "virtio-net headers"},
    {Field::kOffload, "offloads, and the headers that they are about"},
    {Field::kIndex, "the available index and heads"},
    {Field::kAll, "all of it"},
};

struct Race {
  Field field;
  Rings rings;
  Layout layout;
  uint64_t chains;
  uint32_t seed;
};

// Sends the same chains round and round, and counts those that come back.
class Sender {
 public:
  virtual ~Sender() = default;
  virtual uint64_t Again() = 0;
};

class ChainSender final : public Sender {
 public:
  ChainSender(vhost::testing::GuestQueue& ring, const std::vector<uint16_t>& ids) : ring_(ring) {
    for (const uint16_t id : ids) ring_.Offer(id);
  }
  uint64_t Again() override {
    const std::vector<vhost::UsedElement> used = ring_.TakeUsed();
    for (const vhost::UsedElement& element : used) {
      ring_.Offer(static_cast<uint16_t>(element.head));
    }
    return used.size();
  }

 private:
  vhost::testing::GuestQueue& ring_;
};

// A packed ring whose descriptors are rewritten: how many of them the switch takes for one chain is
// anybody's guess. So all are available, one by one, and those up to one that has come back are so
// again.
class SlotSender final : public Sender {
 public:
  SlotSender(PackedGuestRing& ring, const std::vector<RingRewriter::Buffer>& buffers)
      : ring_(ring) {
    for (const RingRewriter::Buffer& buffer : buffers) {
      buffers_.emplace_back(buffer.address, static_cast<uint32_t>(buffer.honest.size()));
    }
    for (uint16_t i = 0; i < Tenant::kRingSize; ++i) Offer(i);
  }
  uint64_t Again() override {
    uint64_t taken = 0;
    for (uint16_t ahead = 0; ahead < Tenant::kRingSize; ++ahead) {
      const auto at = static_cast<uint16_t>(next_ + ahead);
      constexpr uint16_t kBits =
          vhost::PackedDescriptor::kAvailable | vhost::PackedDescriptor::kUsed;
      const uint16_t flags = ring_.Flags(at).load(std::memory_order_acquire);
      if ((flags & kBits) != vhost::UsedBits(at, Tenant::kRingSize)) continue;
      for (; next_ != static_cast<uint16_t>(at + 1); ++next_, ++taken) {
        Offer(static_cast<uint16_t>(next_ + Tenant::kRingSize));
      }
      ahead = 0;
    }
    return taken;
  }

 private:
  void Offer(uint16_t position) {
    vhost::PackedDescriptor& slot = ring_.At(position);
    const auto& [address, length] = buffers_[position % buffers_.size()];
    const uint64_t rest = length | uint64_t{vhost::AvailableBits(position, Tenant::kRingSize)}
                                       << 48;
    std::atomic_ref(slot.address).store(address, std::memory_order_relaxed);
    auto* const half = reinterpret_cast<uint64_t*>(&slot) + 1;
    std::atomic_ref(*half).store(rest, std::memory_order_release);
  }

  PackedGuestRing& ring_;
  std::vector<std::pair<uint64_t, uint32_t>> buffers_;  // address, length
  uint16_t next_ = 0;
};

// A virtio-net header and a frame that is as good as the race lets it be.
Bytes FrameFor(Lane& lane, Field field, size_t number) {
  if (field != Field::kOffload) {
    Bytes bytes(vhost::kNetHeader);
    Bytes frame = lane.FrameToWitness();
    frame.resize(field == Field::kTypes ? kTaggedFrame
                                        : std::min<size_t>(frame.size(), kFrameBytes));
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    return bytes;
  }
  const testing::TransportFrame kinds[] = {{.payload = 1800},
                                           {.ipv6 = true, .payload = 1800},
                                           {.payload = 700},
                                           {.ipv6 = true, .payload = 700},
                                           {.udp = true, .payload = 700}};
  const testing::TransportFrame& kind = kinds[number % std::size(kinds)];
  const VirtioNetHeader asked = kind.Ask(kind.payload > 1000 ? 300 : 0);
  Bytes bytes(sizeof(asked));
  std::memcpy(bytes.data(), &asked, sizeof(asked));
  Bytes frame = kind.Build();
  const auto [to, from] = lane.AddressesToWitness();
  std::copy(to.begin(), to.end(), frame.begin());
  std::copy(from.begin(), from.end(), frame.begin() + 6);
  bytes.insert(bytes.end(), frame.begin(), frame.end());
  return bytes;
}

struct Chains {
  RingRewriter::Target target;
  std::vector<uint16_t> ids;
};

// The chains of a race, and where they are.
Chains Prepare(Lane& lane, Tenant& tenant, const Race& race) {
  Guest& guest = tenant.guest();
  vhost::testing::GuestQueue& ring = tenant.ring(kTransmit);
  const vhost::RingAddressPayload where = ring.addresses(kTransmit);
  const auto address = [](uint64_t user) { return user - Guest::kUserBase + Guest::kBase; };
  const bool packed = race.rings == Rings::kPacked;
  const bool direct = race.layout == Layout::kDirect;
  Chains made{.target = {.guest = guest, .available = packed ? 0 : address(where.available)},
              .ids = {}};
  // Where chains are indirect their tables alone are rewritten: the ring's own lead to them.
  if (direct) made.target.tables = {{address(where.descriptors), Tenant::kRingSize, packed}};
  for (size_t i = 0; i < kChains; ++i) {
    const Bytes honest = FrameFor(lane, race.field, i);
    const auto length = static_cast<uint32_t>(honest.size());
    Bytes bytes = honest;
    bytes.resize(kBufferBytes);
    const uint64_t buffer = guest.Put(bytes);
    made.target.buffers.push_back({buffer, honest});
    // Every other one in two pieces: the second may be longer than what was counted.
    using Piece = std::pair<uint64_t, uint32_t>;
    const uint32_t first = std::min<uint32_t>(length - 1, 140);
    const std::vector<Piece> pieces =
        i % 2 == 0 ? std::vector<Piece>{{buffer, length}}
                   : std::vector<Piece>{{buffer, first}, {buffer + first, length - first}};
    if (packed && direct) continue;
    made.ids.push_back(ring.MakeChain(pieces, race.layout));
    if (direct) continue;
    const uint64_t table = Guest::kBase + guest.allocated() - 16 * pieces.size();
    made.target.tables.push_back({table, pieces.size(), false});
  }
  return made;
}

// One session of it. Returns how many chains the switch took.
uint64_t RunSession(Lane& lane, const Race& race, uint64_t most, uint32_t seed) {
  TenantOptions options = lane.Options(race.rings);
  if (race.field == Field::kOffload) options.features |= vhost::kOffloadFeatures;
  Tenant tenant(options);
  if (!lane.Reach(tenant, Stage::kRunning)) return 0;
  Chains made = Prepare(lane, tenant, race);
  std::unique_ptr<Sender> sender;
  if (made.ids.empty()) {
    sender = std::make_unique<SlotSender>(dynamic_cast<PackedGuestRing&>(tenant.ring(kTransmit)),
                                          made.target.buffers);
  } else {
    sender = std::make_unique<ChainSender>(tenant.ring(kTransmit), made.ids);
  }
  const auto some = [&] {
    tenant.Kick(kTransmit);
    lane.Watch();
    return sender->Again();
  };
  return RaceSession(tenant.link().socket(), most, some,
                     RingRewriter(std::move(made.target), lane.sources()), race.field, seed);
}

Complaint Play(Lane& lane, const Race& race) {
  const bool offload = race.field == Field::kOffload;
  const uint64_t before = offload ? lane.Drops(kBadOffload) : 0;
  // All that comes through has asked for a checksum, which the switch has made of what it sent.
  if (offload) lane.Demand(testing::TransportIsRight);
  const auto session = [&](uint64_t most, uint32_t seed) {
    return RunSession(lane, race, most, seed);
  };
  Complaint complaint = PlayRace(race.chains, race.seed, session,
                                 [&] { return !offload || lane.Drops(kBadOffload) > before; });
  if (offload && complaint.empty()) complaint = lane.ExpectDrop(kBadOffload, before);
  lane.Watch();
  lane.Demand(nullptr);
  return complaint;
}

// A container that starts no ring to receive on is never up, and may send all the same.
Complaint PlaySendOnly(Lane& lane, Rings rings) {
  const char* const reason = lane.guarded() ? "spoofed" : "mac-limit";
  const uint64_t before = lane.Drops(reason);
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant(rings);
  if (!lane.Reach(*tenant, Stage::kNegotiated) || !tenant->ShareMemory() ||
      !tenant->SetUpRing(kTransmit)) {
    return "the honest part of it failed";
  }
  Bytes forged = lane.FrameToWitness();
  forged[Lane::kSourceByte] = lane.sources()[1];
  tenant->Transmit(forged);
  const Complaint complaint = lane.ExpectDrop(reason, before);
  return complaint.empty() ? lane.ExpectSent(*tenant) : complaint;
}

}  // namespace

CaseClass RaceCases(bool full, uint32_t seed, bool guarded) {
  CaseClass all{.name = guarded ? "race" : "race-without-guard", .cases = {}, .guarded = guarded};
  const auto kind = [](Rings rings) { return rings == Rings::kSplit ? "split, " : "packed, "; };
  for (const auto& [field, name] : kFields) {
    for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
      for (const Layout layout : {Layout::kDirect, Layout::kIndirect}) {
        // Only a split ring has an index and heads.
        if (field == Field::kIndex && rings == Rings::kPacked) continue;
        const Race race{field, rings, layout, full ? kLongRace : kShortRace, seed};
        all.cases.push_back(
            {Cat(kind(rings), layout == Layout::kDirect ? "direct: " : "indirect: ", name),
             [race](Lane& lane) { return Play(lane, race); }});
      }
    }
  }
  for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
    all.cases.push_back({Cat(kind(rings), "sending only: a forged source"),
                         [rings](Lane& lane) { return PlaySendOnly(lane, rings); }});
  }
  return all;
}

}  // namespace weft::hostile
