// SPDX-License-Identifier: Apache-2.0
// Lies by race: another thread rewrites what the switch reads, while it reads it. What was checked
// must be what is sent: no forged source and no frame for another address comes to a witness.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::hostile {
namespace {

using vhost::testing::Guest;
using vhost::testing::GuestRing;
using vhost::testing::Layout;
using vhost::testing::PackedGuestRing;

constexpr size_t kChains = 64;
constexpr uint32_t kBufferBytes = 2048;
constexpr uint32_t kFrameBytes = 400;
constexpr uint64_t kShortRace = 20'000;  // chains that the switch has taken
constexpr uint64_t kLongRace = 1'000'000;

// What is rewritten.
enum class Field : uint8_t { kLength, kAddress, kFlags, kNetHeader, kMacs, kIndex, kAll };
constexpr std::pair<Field, const char*> kFields[] = {
    {Field::kLength, "lengths"},
    {Field::kAddress, "addresses"},
    {Field::kFlags, "flags"},
    {Field::kMacs, "addresses of frames"},
    {Field::kNetHeader, "virtio-net headers"},
    {Field::kIndex, "the available index and heads"},
    {Field::kAll, "all of it"},
};

template <typename T>
void Poke(Guest& guest, uint64_t address, T value) {
  std::atomic_ref<T>(guest.As<T>(address)).store(value, std::memory_order_relaxed);
}

// A table of descriptors: a ring's own, or an indirect one.
struct Table {
  uint64_t address;
  size_t entries;
  bool owned;  // packed and in the ring: two bits of the flags say whose a descriptor is
};

// What the racer may touch.
struct Target {
  Guest& guest;
  std::vector<Table> tables;
  std::vector<uint64_t> buffers;
  uint64_t available;  // the split available ring; 0 if there is none
};

class Racer {
 public:
  Racer(Target target, std::array<uint8_t, 2> sources, Field field, uint32_t seed)
      : target_(std::move(target)),
        sources_(sources),
        field_(field),
        random_(seed),
        thread_([this] { Run(); }) {}
  ~Racer() {
    stop_ = true;
    thread_.join();
  }
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;

 private:
  void Run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 256; ++i) {
        const auto other = static_cast<Field>(random_() % static_cast<unsigned>(Field::kAll));
        Rewrite(field_ == Field::kAll ? other : field_);
      }
    }
  }

  void Rewrite(Field field) {
    const Table& table = target_.tables[random_() % target_.tables.size()];
    const uint64_t descriptor = table.address + 16 * (random_() % table.entries);
    const uint64_t buffer = target_.buffers[random_() % target_.buffers.size()];
    const uint64_t frame = buffer + vhost::kNetHeader;
    switch (field) {
      case Field::kLength: {
        constexpr std::array<uint32_t, 8> kLengths = {
            12 + kFrameBytes, 12 + kFrameBytes, 130, 25, 0, 12 + 1514, 9229, 0xffff'ffff};
        Poke(target_.guest, descriptor + 8, kLengths[random_() % kLengths.size()]);
        return;
      }
      case Field::kAddress: {
        const std::array<uint64_t, 5> addresses = {buffer, buffer, buffer + 1,
                                                   target_.guest.end() - 8, ~uint64_t{0} - 7};
        Poke(target_.guest, descriptor, addresses[random_() % addresses.size()]);
        return;
      }
      case Field::kFlags:
        RewriteFlags(table, descriptor);
        return;
      case Field::kNetHeader:
        Poke(target_.guest, buffer + random_() % vhost::kNetHeader,
             static_cast<uint8_t>(random_() % 4 == 0 ? random_() : 0));
        return;
      case Field::kMacs:
        Poke(target_.guest, frame + Lane::kDestinationByte, Lane::kDestinations[random_() % 2]);
        Poke(target_.guest, frame + Lane::kSourceByte, sources_[random_() % 2]);
        return;
      case Field::kIndex:
        // Seldom, for the port is in error then.
        if (target_.available == 0 || random_() % 4096 != 0) return;
        Poke(target_.guest, target_.available + 2 * (random_() % 3 + 1),
             static_cast<uint16_t>(random_()));
        return;
      case Field::kAll:
        return;
    }
  }

  // Of an owned descriptor only if nobody else has written it meanwhile.
  void RewriteFlags(const Table& table, uint64_t descriptor) {
    const auto flags = static_cast<uint16_t>(random_() % 8);
    std::atomic_ref<uint64_t> half(target_.guest.As<uint64_t>(descriptor + 8));
    uint64_t before = half.load(std::memory_order_relaxed);
    const size_t shift = target_.available == 0 ? 48 : 32;
    const uint64_t after =
        (before & ~(uint64_t{7} << shift)) | uint64_t{random_() % 2 == 0 ? flags : 0U} << shift;
    if (table.owned) {
      half.compare_exchange_strong(before, after, std::memory_order_relaxed);
    } else {
      half.store(after, std::memory_order_relaxed);
    }
  }

  const Target target_;
  const std::array<uint8_t, 2> sources_;
  const Field field_;
  std::minstd_rand random_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
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
  SlotSender(PackedGuestRing& ring, const std::vector<uint64_t>& buffers)
      : ring_(ring), buffers_(buffers) {
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
    const uint64_t rest =
        (12 + kFrameBytes) | uint64_t{vhost::AvailableBits(position, Tenant::kRingSize)} << 48;
    std::atomic_ref(slot.address)
        .store(buffers_[position % buffers_.size()], std::memory_order_relaxed);
    auto* const half = reinterpret_cast<uint64_t*>(&slot) + 1;
    std::atomic_ref(*half).store(rest, std::memory_order_release);
  }

  PackedGuestRing& ring_;
  const std::vector<uint64_t> buffers_;
  uint16_t next_ = 0;
};

struct Chains {
  Target target;
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
  Chains made{.target = {.guest = guest,
                         .tables = {},
                         .buffers = {},
                         .available = packed ? 0 : address(where.available)},
              .ids = {}};
  // Where chains are indirect their tables alone are rewritten: the ring's own lead to them.
  if (direct) made.target.tables = {{address(where.descriptors), Tenant::kRingSize, packed}};
  for (size_t i = 0; i < kChains; ++i) {
    Bytes bytes(kBufferBytes);
    const Bytes frame = lane.FrameToWitness();
    std::copy_n(frame.begin(), std::min<size_t>(frame.size(), kFrameBytes),
                bytes.begin() + vhost::kNetHeader);
    const uint64_t buffer = guest.Put(bytes);
    made.target.buffers.push_back(buffer);
    // Every other one in two pieces: the second may be longer than what was counted.
    using Piece = std::pair<uint64_t, uint32_t>;
    const std::vector<Piece> pieces =
        i % 2 == 0 ? std::vector<Piece>{{buffer, 12 + kFrameBytes}}
                   : std::vector<Piece>{{buffer, 140}, {buffer + 140, 12 + kFrameBytes - 140}};
    if (packed && direct) continue;
    made.ids.push_back(ring.MakeChain(pieces, race.layout));
    if (direct) continue;
    const uint64_t table = Guest::kBase + guest.allocated() - 16 * pieces.size();
    made.target.tables.push_back({table, pieces.size(), false});
  }
  return made;
}

// One session of it: ends when the switch has taken `most` chains, has closed, or has stopped
// taking any. Returns how many it took.
uint64_t RunSession(Lane& lane, const Race& race, uint64_t most, uint32_t seed) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant(race.rings);
  if (!lane.Reach(*tenant, Stage::kRunning)) return 0;
  Chains made = Prepare(lane, *tenant, race);
  std::unique_ptr<Sender> sender;
  if (made.ids.empty()) {
    sender = std::make_unique<SlotSender>(dynamic_cast<PackedGuestRing&>(tenant->ring(kTransmit)),
                                          made.target.buffers);
  } else {
    sender = std::make_unique<ChainSender>(tenant->ring(kTransmit), made.ids);
  }
  const auto closed = [&tenant] {
    std::byte byte;
    return recv(tenant->link().socket(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
  };
  uint64_t taken = 0;
  const auto some = [&] {
    tenant->Kick(kTransmit);
    lane.Watch();
    const uint64_t now = sender->Again();
    taken += now;
    return now != 0;
  };
  // Nobody rewrites anything before the switch has taken some: a worker that waits for its core may
  // see none but the lie, and then the race has not been run.
  if (!Await([&] { return some() || closed(); })) return 0;
  const Racer racer(std::move(made.target), lane.sources(), race.field, seed);
  constexpr size_t kStandstill = 2000;
  for (size_t idle = 0; taken < most && idle < kStandstill && !closed();) {
    idle = some() ? 0 : idle + 1;
    if (idle > 0) usleep(10);
  }
  return taken;
}

Complaint Play(Lane& lane, const Race& race) {
  uint64_t taken = 0;
  // A port in error waits before it takes the next connection: as many sessions as that allows.
  constexpr uint32_t kMostSessions = 20;
  uint32_t sessions = 0;
  for (; taken < race.chains && sessions < kMostSessions; ++sessions) {
    taken += RunSession(lane, race, race.chains - taken, race.seed * kMostSessions + sessions + 1);
  }
  return taken == 0 ? "the switch took nothing" : "";
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
