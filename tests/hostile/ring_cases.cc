// SPDX-License-Identifier: Apache-2.0
// Lies by ring: sizes, addresses and bases that no ring has, changes to one that runs, and indexes
// and heads that run away.
#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::hostile {
namespace {

using vhost::NumberPayload;
using vhost::Request;
using vhost::RingAddressPayload;
using vhost::RingPayload;
using vhost::testing::Guest;
using vhost::testing::GuestRing;
using vhost::testing::PackedGuestRing;

constexpr size_t kMemory = 4 << 20;

// What SET_VRING_NUM, _BASE and _ADDR say before the ring is kicked.
struct SetUp {
  const char* name;
  Rings rings;
  const char* reason = nullptr;  // null: such a ring is a ring
  std::optional<uint32_t> size = {};
  std::optional<uint32_t> base = {};
  // In the front-end's own addresses.
  std::optional<uint64_t> descriptors = {};
  std::optional<uint64_t> available = {};
  std::optional<uint64_t> used = {};
  uint32_t index = kTransmit;
  uint32_t flags = 0;
};

constexpr uint64_t kUser = Guest::kUserBase;
constexpr uint64_t kEnd = kUser + kMemory;
constexpr Rings kS = Rings::kSplit;
constexpr Rings kP = Rings::kPacked;
constexpr const char* kPower = "must be a power of two";
constexpr const char* kOutside = "is not inside one memory region";
constexpr const char* kAlign = "is not aligned";

const SetUp kSetUps[] = {
    {.name = "size 0", .rings = kS, .reason = kPower, .size = 0},
    {.name = "size 3", .rings = kS, .reason = kPower, .size = 3},
    {.name = "size 255", .rings = kS, .reason = kPower, .size = 255},
    {.name = "size 8192", .rings = kS, .reason = kPower, .size = 8192},
    {.name = "size 65536", .rings = kS, .reason = kPower, .size = 65536},
    {.name = "size 2^31", .rings = kS, .reason = kPower, .size = 1U << 31},
    {.name = "size 0", .rings = kP, .reason = kPower, .size = 0},
    {.name = "size 3", .rings = kP, .reason = kPower, .size = 3},
    {.name = "size 255", .rings = kP, .reason = kPower, .size = 255},
    {.name = "size 8192", .rings = kP, .reason = kPower, .size = 8192},
    {.name = "size 65536", .rings = kP, .reason = kPower, .size = 65536},
    {.name = "size 2^31", .rings = kP, .reason = kPower, .size = 1U << 31},
    {.name = "size 1", .rings = kS, .size = 1},
    {.name = "size 1", .rings = kP, .size = 1},
    {.name = "size 4096", .rings = kS, .size = 4096},
    {.name = "descriptors outside", .rings = kS, .reason = kOutside, .descriptors = kEnd},
    {.name = "descriptors before", .rings = kS, .reason = kOutside, .descriptors = kUser - 4096},
    {.name = "descriptors crossing", .rings = kS, .reason = kOutside, .descriptors = kEnd - 16},
    {.name = "descriptors wrapping", .rings = kS, .reason = kOutside, .descriptors = ~15ULL},
    {.name = "descriptors misaligned", .rings = kS, .reason = kAlign, .descriptors = kUser + 8},
    {.name = "descriptors at 0", .rings = kS, .reason = kOutside, .descriptors = 0},
    {.name = "available outside", .rings = kS, .reason = kOutside, .available = kEnd},
    {.name = "available crossing", .rings = kS, .reason = kOutside, .available = kEnd - 516},
    {.name = "available misaligned", .rings = kS, .reason = kAlign, .available = kUser + 1},
    {.name = "used outside", .rings = kS, .reason = kOutside, .used = kEnd},
    {.name = "used crossing", .rings = kS, .reason = kOutside, .used = kEnd - 2052},
    {.name = "used misaligned", .rings = kS, .reason = kAlign, .used = kUser + 2},
    {.name = "descriptors outside", .rings = kP, .reason = kOutside, .descriptors = kEnd},
    {.name = "descriptors crossing", .rings = kP, .reason = kOutside, .descriptors = kEnd - 4080},
    {.name = "descriptors misaligned", .rings = kP, .reason = kAlign, .descriptors = kUser + 8},
    {.name = "driver's area crossing", .rings = kP, .reason = kOutside, .available = kEnd},
    {.name = "driver's area misaligned", .rings = kP, .reason = kAlign, .available = kUser + 2},
    {.name = "device's area outside", .rings = kP, .reason = kOutside, .used = kEnd},
    {.name = "device's area misaligned", .rings = kP, .reason = kAlign, .used = kUser + 1},
    {.name = "all in one place",
     .rings = kS,
     .descriptors = kUser + 65536,
     .available = kUser + 65536,
     .used = kUser + 65536},
    {.name = "all in one place",
     .rings = kP,
     .descriptors = kUser + 65536,
     .available = kUser + 65536,
     .used = kUser + 65536},
    {.name = "on the other ring",
     .rings = kS,
     .descriptors = kUser,
     .available = kUser,
     .used = kUser},
    {.name = "on the other ring",
     .rings = kP,
     .descriptors = kUser,
     .available = kUser,
     .used = kUser},
    {.name = "base 1", .rings = kS, .base = 1},
    {.name = "base 65535", .rings = kS, .base = 65535},
    {.name = "base 65536", .rings = kS, .reason = "of 16 bits", .base = 65536},
    {.name = "base of all bits", .rings = kS, .reason = "of 16 bits", .base = 0xffff'ffff},
    {.name = "base without wrap", .rings = kP, .base = 0},
    {.name = "base of another slot", .rings = kP, .base = 0x8001'8000},
    {.name = "base behind the ring", .rings = kP, .reason = "names slot", .base = 0x8000'8100},
    {.name = "base of all bits", .rings = kP, .reason = "names slot", .base = 0xffff'ffff},
    {.name = "ring 2", .rings = kS, .reason = "there is no ring", .index = 2},
    {.name = "ring 255", .rings = kS, .reason = "there is no ring", .index = 255},
    {.name = "ring 256", .rings = kS, .reason = "there is no ring", .index = 256},
    {.name = "ring 2^32 - 1", .rings = kS, .reason = "there is no ring", .index = 0xffff'ffff},
    {.name = "a dirty log", .rings = kS, .reason = "dirty logging", .flags = 1},
};

// Bases at random: of any 32 bits, and of those that a ring can have. A split ring's has 16 bits; a
// packed one's has a slot and a wrap counter for what is available, and the same for what is used,
// in which nonsense is none of weft's business.
std::vector<SetUp> Bases(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<SetUp> bases;
  for (size_t i = 0; i < count; ++i) {
    for (const Rings rings : {kS, kP}) {
      auto base = static_cast<uint32_t>(random());
      if (i % 2 == 0) base &= rings == kS ? 0xffffU : ~uint32_t{0x7f00};
      const bool good = rings == kS ? base <= 0xffff : (base & 0x7fff) < Tenant::kRingSize;
      const char* const bad = rings == kS ? "of 16 bits" : "names slot";
      bases.push_back({.name = "a base at random",
                       .rings = rings,
                       .reason = good ? nullptr : bad,
                       .base = base});
    }
  }
  return bases;
}

Complaint PlaySetUp(Lane& lane, const SetUp& lie) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant(lie.rings);
  if (!lane.Reach(*tenant, Stage::kNegotiated) || !tenant->ShareMemory() ||
      !tenant->SetUpRing(kReceive)) {
    return "the honest part of it failed";
  }
  const auto& ring = tenant->ring(kTransmit);
  RingAddressPayload where = ring.addresses(lie.index);
  where.flags = lie.flags;
  where.descriptors = lie.descriptors.value_or(where.descriptors);
  where.available = lie.available.value_or(where.available);
  where.used = lie.used.value_or(where.used);
  Link& link = tenant->link();
  const int kick = tenant->kick_fd(kTransmit);
  const NumberPayload kicked{std::min<uint32_t>(lie.index, 255)};
  // Where one is refused, those behind it find nobody.
  link.Send(Request::kSetVringNum,
            PayloadOf(RingPayload{lie.index, lie.size.value_or(ring.size())}));
  link.Send(Request::kSetVringBase,
            PayloadOf(RingPayload{lie.index, lie.base.value_or(ring.base())}));
  link.Send(Request::kSetVringAddr, PayloadOf(where));
  link.Send(Request::kSetVringEnable, PayloadOf(RingPayload{lie.index, 1}));
  link.Send(Request::kSetVringKick, PayloadOf(kicked), {&kick, 1});
  tenant->Kick(kTransmit);
  if (lie.reason != nullptr) {
    return link.Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
  }
  // It runs, or has run for as long as what lies there made sense.
  return Await([&] {
    const nlohmann::json port = lane.shell().Ask("show port " + lane.liar_port());
    const std::string state = port.is_null() ? "" : port.value("state", "");
    return state == "up" || (state == "error" && !port.value("reason", "").empty());
  })
             ? ""
             : "the ring neither runs nor is in error";
}

// Messages about a ring that runs.
struct Change {
  const char* name;
  Request request;
  RingPayload payload;
  const char* reason;
};
constexpr const char* kStarted = "is started";
constexpr Change kChanges[] = {
    {"its size", Request::kSetVringNum, {kTransmit, 128}, kStarted},
    {"its size, to the same", Request::kSetVringNum, {kReceive, 256}, kStarted},
    {"its base", Request::kSetVringBase, {kTransmit, 5}, kStarted},
    {"features", Request::kSetFeatures, {0, 1}, kStarted},
    {"protocol features", Request::kSetProtocolFeatures, {0, 0}, kStarted},
    {"an enable of 2", Request::kSetVringEnable, {kTransmit, 2}, "has value 2"},
    {"an enable of ring 2", Request::kSetVringEnable, {2, 1}, "there is no ring"},
    {"the base of ring 9", Request::kGetVringBase, {9, 0}, "there is no ring"},
};

Complaint PlayChange(Lane& lane, const Change& lie) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, Stage::kRunning)) return "the honest part of it failed";
  tenant->link().Send(lie.request, PayloadOf(lie.payload));
  return tenant->link().Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
}

// What a ring says of itself while it runs.
constexpr const char* kTooMuch = "more is available than the ring has";
constexpr const char* kNoHead = "a descriptor that is not in the table";

GuestRing& SplitOf(Tenant& tenant, uint32_t ring) {
  return dynamic_cast<GuestRing&>(tenant.ring(ring));
}

// Every descriptor of a packed ring available, in one chain without an end.
void OfferEndless(Tenant& tenant, uint32_t index) {
  auto& ring = dynamic_cast<PackedGuestRing&>(tenant.ring(index));
  const uint64_t buffer = tenant.guest().Put(Bytes(64));
  const auto write = index == kReceive ? vhost::Descriptor::kWrite : uint16_t{0};
  const vhost::PackedDescriptor one{buffer, 1, 0,
                                    static_cast<uint16_t>(vhost::Descriptor::kNext | write)};
  ring.OfferDescriptors(std::vector<vhost::PackedDescriptor>(Tenant::kRingSize, one));
}

struct Say {
  const char* name;
  Rings rings;
  uint32_t ring;
  const char* reason;
  void (*say)(Tenant&, uint32_t ring);
};
constexpr Say kSays[] = {
    {"one more than it has", kS, kTransmit, kTooMuch,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).SetAvailIndex(Tenant::kRingSize + 1); }},
    {"half the numbers", kS, kTransmit, kTooMuch,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).SetAvailIndex(0x8000); }},
    {"an index that goes back", kS, kTransmit, kTooMuch,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).SetAvailIndex(0xffff); }},
    {"the first head that is not there", kS, kTransmit, kNoHead,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).Offer(Tenant::kRingSize); }},
    {"the last head that can be said", kS, kTransmit, kNoHead,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).Offer(0xffff); }},
    {"more than it has", kS, kReceive, kTooMuch,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).SetAvailIndex(Tenant::kRingSize + 1); }},
    {"an index that goes back", kS, kReceive, kTooMuch,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).SetAvailIndex(0xffff); }},
    {"a head that is not there", kS, kReceive, kNoHead,
     [](Tenant& t, uint32_t r) { SplitOf(t, r).Offer(0x7fff); }},
    {"a chain without an end", kP, kTransmit, kTooMuch, OfferEndless},
    {"a chain without an end", kP, kReceive, kTooMuch, OfferEndless},
};

Complaint PlaySay(Lane& lane, const Say& lie) {
  TenantOptions options = lane.Options(lie.rings);
  options.buffers = 0;  // a ring to receive on is looked at for its first frame
  Tenant tenant(options);
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  lie.say(tenant, lie.ring);
  tenant.Kick(lie.ring);
  if (lie.ring == kReceive) lane.witness().Transmit(lane.FrameToLiar());
  return lane.ExpectReason(lie.reason);
}

}  // namespace

CaseClass RingCases(bool full, uint32_t seed) {
  CaseClass all{.name = "ring", .cases = {}};
  const auto kind = [](Rings rings) { return rings == kS ? "split: " : "packed: "; };
  for (const SetUp& lie : kSetUps) {
    all.cases.push_back(
        {Cat(kind(lie.rings), lie.name), [&lie](Lane& lane) { return PlaySetUp(lane, lie); }});
  }
  for (const SetUp& lie : Bases(full ? 100 : 8, seed)) {
    all.cases.push_back({Cat(kind(lie.rings), lie.name, ", ", *lie.base),
                         [lie](Lane& lane) { return PlaySetUp(lane, lie); }});
  }
  for (const Change& lie : kChanges) {
    all.cases.push_back(
        {Cat("while it runs: ", lie.name), [&lie](Lane& lane) { return PlayChange(lane, lie); }});
  }
  for (const Say& lie : kSays) {
    all.cases.push_back(
        {Cat(kind(lie.rings), lie.ring == kReceive ? "receive: " : "transmit: ", lie.name),
         [&lie](Lane& lane) { return PlaySay(lane, lie); }});
  }
  return all;
}

}  // namespace weft::hostile
