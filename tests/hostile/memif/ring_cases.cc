// SPDX-License-Identifier: Apache-2.0
// Lies by ring to a memif port that listens: sizes and places that no ring has, and indexes that
// run away.
#include <array>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/tenant.h"

namespace weft::hostile {
namespace {

using memif::AddRing;
using memif::Message;
using memif::MessageType;
using memif::testing::ConnectMessage;

constexpr const char* kOutside = "are not inside one memory region";
constexpr const char* kAlign = "is not aligned to 16 bytes";
constexpr const char* kNone = "does not begin as rings do";
constexpr const char* kAfter = "it adds ring ";
constexpr const char* kPrivate = "private headers are not supported";

// What ADD_RING says.
struct SetUp {
  const char* name;
  const char* reason;  // null: such a ring is a ring
  void (*change)(AddRing& ring, MemifTenant& tenant);
};

uint32_t End(MemifTenant& tenant) { return static_cast<uint32_t>(tenant.memory().memory.size()); }
// A place for a ring, anywhere.
void MoveTo(AddRing& ring, MemifTenant& tenant, uint32_t offset) {
  ring.offset = offset;
  tenant.memory().memory.Put<uint32_t>(offset + memif::kRingCookie, memif::kCookie);
}

const SetUp kSetUps[] = {
    {"2^0 descriptors", "has 2^0 descriptors", [](AddRing& r, MemifTenant&) { r.log2_size = 0; }},
    {"2 descriptors", nullptr, [](AddRing& r, MemifTenant&) { r.log2_size = 1; }},
    {"more than were offered", nullptr, [](AddRing& r, MemifTenant&) { r.log2_size = 7; }},
    {"4096 descriptors", nullptr, [](AddRing& r, MemifTenant&) { r.log2_size = 12; }},
    {"2^13 descriptors", "has 2^13 desc", [](AddRing& r, MemifTenant&) { r.log2_size = 13; }},
    {"2^16 descriptors", "has 2^16 desc", [](AddRing& r, MemifTenant&) { r.log2_size = 16; }},
    {"2^32 descriptors", "has 2^32 desc", [](AddRing& r, MemifTenant&) { r.log2_size = 32; }},
    {"2^63 descriptors", "has 2^63 desc", [](AddRing& r, MemifTenant&) { r.log2_size = 63; }},
    {"2^64 descriptors", "has 2^64 desc", [](AddRing& r, MemifTenant&) { r.log2_size = 64; }},
    {"2^255 descriptors", "has 2^255 desc", [](AddRing& r, MemifTenant&) { r.log2_size = 255; }},
    {"at 1", kAlign, [](AddRing& r, MemifTenant&) { r.offset = 1; }},
    {"at 4", kAlign, [](AddRing& r, MemifTenant&) { r.offset = 4; }},
    {"at 8", kAlign, [](AddRing& r, MemifTenant&) { r.offset = 8; }},
    {"at 2^32 - 1", kAlign, [](AddRing& r, MemifTenant&) { r.offset = ~0U; }},
    {"at 2^32 - 16", kOutside, [](AddRing& r, MemifTenant&) { r.offset = ~15U; }},
    {"at the end", kOutside, [](AddRing& r, MemifTenant& t) { r.offset = End(t); }},
    {"its last descriptor outside", kOutside,
     [](AddRing& r, MemifTenant& t) {
       MoveTo(r, t, End(t) - static_cast<uint32_t>(memif::RingBytes(64)) + 16);
     }},
    {"its header crossing the end", kOutside,
     [](AddRing& r, MemifTenant& t) { r.offset = End(t) - 64; }},
    {"its last descriptor at the end", nullptr,
     [](AddRing& r, MemifTenant& t) {
       MoveTo(r, t, End(t) - static_cast<uint32_t>(memif::RingBytes(64)));
     }},
    {"4096 descriptors that are not there", kOutside,
     [](AddRing& r, MemifTenant& t) {
       r.log2_size = 12;
       MoveTo(r, t, End(t) - 65536);
     }},
    {"in region 1", kOutside, [](AddRing& r, MemifTenant&) { r.region = 1; }},
    {"in region 8", kOutside, [](AddRing& r, MemifTenant&) { r.region = 8; }},
    {"in region 65535", kOutside, [](AddRing& r, MemifTenant&) { r.region = 0xffff; }},
    {"without a cookie", kNone,
     [](AddRing& r, MemifTenant& t) { t.memory().memory.Put<uint32_t>(r.offset, 0); }},
    {"with another cookie", kNone,
     [](AddRing& r, MemifTenant& t) {
       t.memory().memory.Put<uint32_t>(r.offset, memif::kCookie + 1);
     }},
    {"in its buffers", nullptr,
     [](AddRing& r, MemifTenant& t) { MoveTo(r, t, t.memory().OutBuffer(0)); }},
    {"in its own descriptors", nullptr,
     [](AddRing& r, MemifTenant& t) { MoveTo(r, t, r.offset + 128); }},
    {"where the other ring is", nullptr,
     [](AddRing& r, MemifTenant& t) {
       r.offset =
           (r.flags & AddRing::kToServer) != 0 ? t.memory().in.offset() : t.memory().out.offset();
     }},
    {"half on the other ring", nullptr, [](AddRing& r, MemifTenant& t) { MoveTo(r, t, 512); }},
    {"ring 1 first", kAfter, [](AddRing& r, MemifTenant&) { r.index = 1; }},
    {"ring 255", kAfter, [](AddRing& r, MemifTenant&) { r.index = 255; }},
    {"ring 65535", kAfter, [](AddRing& r, MemifTenant&) { r.index = 0xffff; }},
    {"the other ring's direction", kAfter,
     [](AddRing& r, MemifTenant&) {
       r.flags = static_cast<uint16_t>(r.flags ^ AddRing::kToServer);
     }},
    {"flags that nobody knows", nullptr,
     [](AddRing& r, MemifTenant&) { r.flags = static_cast<uint16_t>(r.flags | 0xfffe); }},
    {"a private header of a byte", kPrivate,
     [](AddRing& r, MemifTenant&) { r.private_header_size = 1; }},
    {"a private header of 65535 bytes", kPrivate,
     [](AddRing& r, MemifTenant&) { r.private_header_size = 0xffff; }},
};

// The other ring first, the one that lies, and CONNECT behind it without waiting for an answer.
Complaint PlaySetUp(Lane& lane, const SetUp& lie, bool to_server) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kShared) ||
      !tenant.Ask(tenant.ring_message(!to_server), tenant.interrupt(!to_server))) {
    return "the honest part of it failed";
  }
  auto ring = tenant.ring_message(to_server).As<AddRing>();
  lie.change(ring, tenant);
  MemifLink& link = tenant.link();
  link.Send(Message(MessageType::kAddRing, ring), tenant.interrupt(to_server));
  link.Send(ConnectMessage());
  if (lie.reason != nullptr) {
    return link.Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
  }
  if (!link.Answers(MessageType::kAck) || !link.Answers(MessageType::kConnected)) {
    return "it was refused";
  }
  // What such rings carry is nobody's business but theirs; both ends use them.
  tenant.Kick();
  lane.witness().Transmit(lane.FrameToLiar());
  return "";
}

// Too few rings, or too many.
Complaint PlayNumber(Lane& lane, bool to_server, size_t count) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kShared)) return "the honest part of it failed";
  for (size_t i = 0; i < count; ++i) {
    auto ring = tenant.ring_message(to_server).As<AddRing>();
    ring.index = static_cast<uint16_t>(i);
    tenant.link().Send(Message(MessageType::kAddRing, ring), tenant.interrupt(to_server));
  }
  tenant.link().Send(ConnectMessage());
  if (!tenant.link().Closed()) return "nothing was said to it";
  return lane.ExpectReason(count > 1 ? kAfter : "without a ring in each direction");
}

// What the client writes into rings that run, and have run: a frame was sent each way.
struct RunAway {
  const char* name;
  bool to_switch;  // the ring that it is
  const char* reason;
  void (*act)(MemifTenant& tenant);
};
constexpr const char* kAhead = "index is further ahead than its ring has descriptors";

const RunAway kRunAways[] = {
    {"one too many", true, kAhead,
     [](MemifTenant& t) { t.memory().out.set_head(t.memory().sent + 65U); }},
    {"half of 2^16", true, kAhead,
     [](MemifTenant& t) { t.memory().out.set_head(t.memory().sent + 0x8000U); }},
    {"one back", true, kAhead,
     [](MemifTenant& t) { t.memory().out.set_head(t.memory().sent - 1U); }},
    {"one too many", false, kAhead,
     [](MemifTenant& t) { t.memory().in.set_head(t.memory().taken + 65U); }},
    {"half of 2^16", false, kAhead,
     [](MemifTenant& t) { t.memory().in.set_head(t.memory().taken + 0x8000U); }},
    {"one back", false, kAhead,
     [](MemifTenant& t) { t.memory().in.set_head(t.memory().taken - 1U); }},
    // What weft writes itself, and does not read.
    {"the switch's own index", true, nullptr,
     [](MemifTenant& t) { t.memory().out.set_tail(t.memory().out.tail() + 0x1234U); }},
    {"another cookie", true, nullptr,
     [](MemifTenant& t) { t.memory().memory.Put<uint32_t>(t.memory().out.offset(), 0); }},
    {"another cookie", false, nullptr,
     [](MemifTenant& t) { t.memory().memory.Put<uint32_t>(t.memory().in.offset(), ~0U); }},
    {"flags of all bits", true, nullptr, [](MemifTenant& t) { t.memory().out.set_flags(0xffff); }},
    {"flags of all bits", false, nullptr, [](MemifTenant& t) { t.memory().in.set_flags(0xffff); }},
    {"flags that nobody knows", false, nullptr,
     [](MemifTenant& t) { t.memory().in.set_flags(0xfffe); }},
};

Complaint PlayRunAway(Lane& lane, const RunAway& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Run()) return "the honest part of it failed";
  const Complaint complaint = lane.ExpectFrames(tenant);
  if (!complaint.empty()) return complaint;
  lie.act(tenant);
  if (lie.reason == nullptr) return lane.ExpectFrames(tenant);
  tenant.Kick();
  if (!lie.to_switch) lane.witness().Transmit(lane.FrameToLiar());
  return lane.ExpectReason(lie.reason);
}

}  // namespace

CaseClass MemifRingCases() {
  CaseClass all{.name = "memif-ring", .cases = {}};
  const auto ring = [](bool to_switch) { return to_switch ? "to the switch: " : "from it: "; };
  for (const SetUp& lie : kSetUps) {
    for (const bool to_server : {true, false}) {
      all.cases.push_back({Cat(ring(to_server), lie.name), [&lie, to_server](Lane& lane) {
                             return PlaySetUp(lane, lie, to_server);
                           }});
    }
  }
  for (const bool to_server : {true, false}) {
    for (const size_t count : {0, 1, 2, 9}) {
      all.cases.push_back({Cat(ring(to_server), count, " rings"), [to_server, count](Lane& lane) {
                             return PlayNumber(lane, to_server, count);
                           }});
    }
  }
  for (const RunAway& lie : kRunAways) {
    all.cases.push_back({Cat(ring(lie.to_switch), "while it runs, ", lie.name),
                         [&lie](Lane& lane) { return PlayRunAway(lane, lie); }});
  }
  return PlayedBy(Liar::kMemif, std::move(all));
}

}  // namespace weft::hostile
