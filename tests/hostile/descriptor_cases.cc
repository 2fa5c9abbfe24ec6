// SPDX-License-Identifier: Apache-2.0
// Lies by descriptor: chains that are no frames and no buffers, in rings that are otherwise honest.
// A bad frame is a counted drop and the next one goes on; a bad ring puts the port in error.
#include <array>
#include <span>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::hostile {
namespace {

using vhost::Descriptor;
using vhost::PackedDescriptor;
using vhost::testing::Guest;
using vhost::testing::GuestQueue;
using vhost::testing::GuestRing;
using vhost::testing::PackedGuestRing;

// Where a descriptor points.
enum class At : uint8_t {
  kBuffer,    // 16 KiB of the tenant's own, zeros
  kOutside,   // beside its memory
  kCrossing,  // its last 8 bytes, and beyond
  kWrapping,  // the last 8 bytes of the address space, and beyond
  kTable,     // the indirect table itself
};

// How a descriptor goes on in its table; split rings alone say it by number.
constexpr int kNextOne = 1;  // the one behind it
constexpr int kItself = 0;
constexpr int kBack = -1;      // the one before it
constexpr int kNowhere = 999;  // none that the table has

struct Piece {
  At at = At::kBuffer;
  uint32_t length = 100;
  uint16_t flags = 0;
  int next = kNextOne;
};

enum class Form : uint8_t { kDirect, kIndirect };
enum class On : uint8_t { kSplit, kPacked, kBoth };

constexpr uint16_t kN = Descriptor::kNext;
constexpr uint16_t kW = Descriptor::kWrite;
constexpr uint16_t kI = Descriptor::kIndirect;
constexpr uint32_t kAll = 0xffff'ffff;

struct Lie {
  const char* name;
  On on;
  Form form;
  std::vector<Piece> pieces;
  const char* drop;  // the reason
  // Of the descriptor that refers to an indirect table, if it says something else than the table's
  // length.
  uint32_t table_length = kAll;
  uint16_t table_flags = 0;
  bool negotiated = true;  // INDIRECT_DESC
};

// Chains on the ring that the tenant sends on.
std::vector<Lie> SendLies() {
  std::vector<Lie> lies = {
      {"no byte", On::kBoth, Form::kDirect, {{.length = 0}}, "runt"},
      {"half a header", On::kBoth, Form::kDirect, {{.length = 6}}, "runt"},
      {"a header split and not whole",
       On::kBoth,
       Form::kDirect,
       {{.length = 5, .flags = kN}, {.length = 6}},
       "runt"},
      {"longer than the MTU", On::kBoth, Form::kDirect, {{.length = 12 + 1519}}, "too-long"},
      {"longer than any frame", On::kBoth, Form::kDirect, {{.length = 12 + 9217}}, "too-long"},
      {"all of 32 bits", On::kBoth, Form::kDirect, {{.length = kAll}}, "too-long"},
      {"a sum beyond 32 bits",
       On::kBoth,
       Form::kDirect,
       {{.length = 100, .flags = kN}, {.length = kAll, .flags = kN}, {.length = 100}},
       "too-long"},
      {"a sum of 32 bits and a frame",
       On::kBoth,
       Form::kDirect,
       {{.length = 0x8000'0000, .flags = kN}, {.length = 0x8000'0000, .flags = kN}, {}},
       "too-long"},
      {"outside", On::kBoth, Form::kDirect, {{.at = At::kOutside}}, "unmapped"},
      {"outside, behind a good header",
       On::kBoth,
       Form::kDirect,
       {{.length = 12, .flags = kN}, {.at = At::kOutside}},
       "unmapped"},
      {"crossing the end", On::kBoth, Form::kDirect, {{.at = At::kCrossing}}, "unmapped"},
      {"wrapping", On::kBoth, Form::kDirect, {{.at = At::kWrapping}}, "unmapped"},
      {"to be written", On::kBoth, Form::kDirect, {{.flags = kW}}, "bad-direction"},
      {"its end to be written",
       On::kBoth,
       Form::kDirect,
       {{.flags = kN}, {.flags = kW}},
       "bad-direction"},
      {"a next outside", On::kSplit, Form::kDirect, {{.flags = kN, .next = kNowhere}}, "bad-next"},
      {"a loop of one", On::kSplit, Form::kDirect, {{.flags = kN, .next = kItself}}, "chain-loop"},
      {"a loop of two",
       On::kSplit,
       Form::kDirect,
       {{.flags = kN}, {.flags = kN, .next = kBack}},
       "chain-loop"},
      {"65 descriptors", On::kBoth, Form::kDirect, std::vector<Piece>(65, {.length = 1}),
       "chain-too-long"},
      {"65 empty descriptors", On::kBoth, Form::kDirect, std::vector<Piece>(65, {.length = 0}),
       "chain-too-long"},
      {"indirect behind the head",
       On::kBoth,
       Form::kDirect,
       {{.length = 12, .flags = kN}, {.at = At::kBuffer, .length = 64, .flags = kI}},
       "bad-indirect"},
      {"a table of 0 bytes", On::kBoth, Form::kIndirect, {{}}, "bad-indirect", 0},
      {"a table of 15 bytes", On::kBoth, Form::kIndirect, {{}}, "bad-indirect", 15},
      {"a table of 17 bytes", On::kBoth, Form::kIndirect, {{}}, "bad-indirect", 17},
      {"a table of 65 entries", On::kBoth, Form::kIndirect, {{}}, "bad-indirect", 65 * 16},
      {"a table of nearly 4 GiB", On::kBoth, Form::kIndirect, {{}}, "bad-indirect", 0xffff'fff0},
      {"a table that is not alone", On::kBoth, Form::kIndirect, {{}}, "bad-indirect", kAll, kN},
      {"a table in a table",
       On::kBoth,
       Form::kIndirect,
       {{.at = At::kTable, .flags = kI}},
       "bad-indirect"},
      {"a table that was not negotiated",
       On::kBoth,
       Form::kIndirect,
       {{}},
       "bad-indirect",
       kAll,
       0,
       false},
      {"a table's next outside",
       On::kSplit,
       Form::kIndirect,
       {{.flags = kN, .next = kNowhere}},
       "bad-next"},
      {"a loop in a table",
       On::kSplit,
       Form::kIndirect,
       {{.flags = kN}, {.flags = kN, .next = kBack}},
       "chain-loop"},
      {"a table of frames outside", On::kBoth, Form::kIndirect, {{.at = At::kOutside}}, "unmapped"},
      {"a table to be written", On::kBoth, Form::kIndirect, {{.flags = kW}}, "bad-direction"},
      {"a table with a sum beyond 32 bits",
       On::kBoth,
       Form::kIndirect,
       {{.length = 100, .flags = kN}, {.length = kAll, .flags = kN}, {.length = 100}},
       "too-long"},
      {"a table of nothing",
       On::kBoth,
       Form::kIndirect,
       {{.length = 0, .flags = kN}, {.length = 0}},
       "runt"},
  };
  for (uint32_t bytes = 0; bytes < 14; ++bytes) {
    lies.push_back({"a frame of less than its header",
                    On::kBoth,
                    Form::kDirect,
                    {{.length = 12 + bytes}},
                    "runt"});
    lies.push_back({"the same, behind its virtio-net header",
                    On::kBoth,
                    Form::kDirect,
                    {{.length = 12, .flags = kN}, {.length = bytes}},
                    "runt"});
    lies.push_back({"the same, in a table",
                    On::kBoth,
                    Form::kIndirect,
                    {{.length = 12, .flags = kN}, {.length = bytes}},
                    "runt"});
  }
  for (Lie& lie : lies) {
    if (lie.pieces.size() != 65) continue;
    for (size_t i = 0; i + 1 < lie.pieces.size(); ++i) lie.pieces[i].flags = kN;
  }
  return lies;
}

// Chains on the ring that the tenant receives on.
std::vector<Lie> ReceiveLies() {
  return {
      {"to be read", On::kBoth, Form::kDirect, {{.length = 2048}}, "bad-buffer"},
      {"outside",
       On::kBoth,
       Form::kDirect,
       {{.at = At::kOutside, .length = 2048, .flags = kW}},
       "bad-buffer"},
      {"crossing the end",
       On::kBoth,
       Form::kDirect,
       {{.at = At::kCrossing, .length = 2048, .flags = kW}},
       "bad-buffer"},
      {"wrapping",
       On::kBoth,
       Form::kDirect,
       {{.at = At::kWrapping, .length = 2048, .flags = kW}},
       "bad-buffer"},
      {"all of 32 bits", On::kBoth, Form::kDirect, {{.length = kAll, .flags = kW}}, "bad-buffer"},
      {"no byte", On::kBoth, Form::kDirect, {{.length = 0, .flags = kW}}, "bad-buffer"},
      {"less than a virtio-net header",
       On::kBoth,
       Form::kDirect,
       {{.length = 11, .flags = kW}},
       "bad-buffer"},
      {"its end to be read",
       On::kBoth,
       Form::kDirect,
       {{.length = 12, .flags = kW | kN}, {.length = 2048}},
       "bad-buffer"},
      {"65 descriptors", On::kBoth, Form::kDirect,
       std::vector<Piece>(65, {.length = 100, .flags = kW | kN}), "bad-buffer"},
      {"a next outside",
       On::kSplit,
       Form::kDirect,
       {{.length = 20, .flags = kW | kN, .next = kNowhere}},
       "bad-buffer"},
      {"a loop of one",
       On::kSplit,
       Form::kDirect,
       {{.length = 20, .flags = kW | kN, .next = kItself}},
       "bad-buffer"},
      {"a loop of two",
       On::kSplit,
       Form::kDirect,
       {{.length = 20, .flags = kW | kN}, {.length = 20, .flags = kW | kN, .next = kBack}},
       "bad-buffer"},
      {"a table of 17 bytes",
       On::kBoth,
       Form::kIndirect,
       {{.length = 2048, .flags = kW}},
       "bad-buffer",
       17},
      {"a table in a table",
       On::kBoth,
       Form::kIndirect,
       {{.at = At::kTable, .length = 64, .flags = kW | kI}},
       "bad-buffer"},
      {"a table that was not negotiated",
       On::kBoth,
       Form::kIndirect,
       {{.length = 2048, .flags = kW}},
       "bad-buffer",
       kAll,
       0,
       false},
      {"a table of buffers to be read",
       On::kBoth,
       Form::kIndirect,
       {{.length = 2048}},
       "bad-buffer"},
      {"a loop in a table",
       On::kSplit,
       Form::kIndirect,
       {{.length = 20, .flags = kW | kN}, {.length = 20, .flags = kW | kN, .next = kBack}},
       "bad-buffer"},
  };
}

uint64_t AddressOf(Guest& guest, At at, uint64_t buffer, uint64_t table) {
  switch (at) {
    case At::kBuffer:
      return buffer;
    case At::kOutside:
      return guest.end() + 4096;
    case At::kCrossing:
      return guest.end() - 8;
    case At::kWrapping:
      return ~uint64_t{0} - 7;
    case At::kTable:
      return table;
  }
  return 0;
}

// A table of split descriptors, which begins at number `first` of a ring's own.
std::vector<Descriptor> SplitTable(Guest& guest, const Lie& lie, uint16_t first, uint64_t table) {
  const uint64_t buffer = guest.Put(Bytes(16384));
  std::vector<Descriptor> descriptors;
  for (const Piece& piece : lie.pieces) {
    const auto next = static_cast<uint16_t>(first + static_cast<int>(descriptors.size()) +
                                            (piece.next == kNowhere ? 0x4000 : piece.next));
    descriptors.push_back(
        {AddressOf(guest, piece.at, buffer, table), piece.length, piece.flags, next});
  }
  return descriptors;
}

void OfferSplit(Tenant& tenant, GuestRing& ring, const Lie& lie) {
  Guest& guest = tenant.guest();
  if (lie.form == Form::kIndirect) {
    const uint64_t table = guest.Allocate(65 * sizeof(Descriptor), 16);
    const std::vector<Descriptor> entries = SplitTable(guest, lie, 0, table);
    std::memcpy(guest.At(table), entries.data(), entries.size() * sizeof(Descriptor));
    const auto own = static_cast<uint32_t>(entries.size() * sizeof(Descriptor));
    const uint16_t head = ring.NextDescriptor();
    ring.Write(head, {table, lie.table_length == kAll ? own : lie.table_length,
                      static_cast<uint16_t>(kI | lie.table_flags), 0});
    ring.Offer(head);
    return;
  }
  const uint16_t head = ring.NextDescriptor();
  uint16_t index = head;
  for (const Descriptor& descriptor : SplitTable(guest, lie, head, 0)) {
    ring.Write(index, descriptor);
    index = ring.NextDescriptor();
  }
  ring.Offer(head);
}

void OfferPacked(Tenant& tenant, PackedGuestRing& ring, const Lie& lie) {
  Guest& guest = tenant.guest();
  const uint64_t table = guest.Allocate(65 * sizeof(PackedDescriptor), 16);
  const uint64_t buffer = guest.Put(Bytes(16384));
  std::vector<PackedDescriptor> descriptors;
  for (const Piece& piece : lie.pieces) {
    descriptors.push_back(
        {AddressOf(guest, piece.at, buffer, table), piece.length, 0, piece.flags});
  }
  if (lie.form == Form::kIndirect) {
    std::memcpy(guest.At(table), descriptors.data(), descriptors.size() * sizeof(PackedDescriptor));
    const auto own = static_cast<uint32_t>(descriptors.size() * sizeof(PackedDescriptor));
    const auto flags = static_cast<uint16_t>(kI | lie.table_flags);
    const PackedDescriptor more{buffer, 100, 0, 0};
    descriptors = {{table, lie.table_length == kAll ? own : lie.table_length, 0, flags}};
    if ((flags & kN) != 0) descriptors.push_back(more);
  } else {
    descriptors.back().flags &= static_cast<uint16_t>(~kN);  // a chain ends where it ends
  }
  ring.OfferDescriptors(descriptors);
}

void Offer(Tenant& tenant, uint32_t ring, const Lie& lie) {
  if (tenant.rings() == Rings::kSplit) {
    OfferSplit(tenant, dynamic_cast<GuestRing&>(tenant.ring(ring)), lie);
  } else {
    OfferPacked(tenant, dynamic_cast<PackedGuestRing&>(tenant.ring(ring)), lie);
  }
  tenant.Kick(ring);
}

TenantOptions OptionsOf(const Lane& lane, const Lie& lie, Rings rings) {
  TenantOptions options = lane.Options(rings);
  if (!lie.negotiated) options.features &= ~vhost::kFeatureIndirect;
  return options;
}

Complaint PlaySend(Lane& lane, const Lie& lie, Rings rings) {
  Tenant tenant(OptionsOf(lane, lie, rings));
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  const uint64_t before = lane.Drops(lie.drop);
  Offer(tenant, kTransmit, lie);
  const Complaint complaint = lane.ExpectDrop(lie.drop, before);
  return complaint.empty() ? lane.ExpectFrames(tenant) : complaint;  // the next one goes on
}

Complaint PlayReceive(Lane& lane, const Lie& lie, Rings rings) {
  TenantOptions options = OptionsOf(lane, lie, rings);
  options.buffers = 0;
  Tenant tenant(options);
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  const uint64_t before = lane.Drops(lie.drop);
  Offer(tenant, kReceive, lie);
  tenant.ring(kReceive).Post(2048);
  tenant.Kick(kReceive);
  lane.witness().Transmit(lane.FrameToLiar());
  const Complaint complaint = lane.ExpectDrop(lie.drop, before);
  if (!complaint.empty()) return complaint;
  // The bad chain comes back with nothing in it, a moment after the drop was counted.
  if (!Await([&] { return !tenant.ring(kReceive).TakeUsed().empty(); })) {
    return "the bad chain does not come back";
  }
  return lane.ExpectFrames(tenant);
}

void AddTo(CaseClass& all, const char* way, const std::vector<Lie>& lies,
           Complaint (*play)(Lane&, const Lie&, Rings)) {
  for (const Lie& lie : lies) {
    for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
      if (lie.on == (rings == Rings::kSplit ? On::kPacked : On::kSplit)) continue;
      all.cases.push_back({Cat(rings == Rings::kSplit ? "split" : "packed", ", ", way,
                               lie.form == Form::kDirect ? ", direct: " : ", indirect: ", lie.name),
                           [lie, rings, play](Lane& lane) { return play(lane, lie, rings); }});
    }
  }
}

}  // namespace

CaseClass DescriptorCases() {
  CaseClass all{.name = "descriptor", .cases = {}};
  AddTo(all, "to the switch", SendLies(), PlaySend);
  AddTo(all, "from the switch", ReceiveLies(), PlayReceive);
  return all;
}

}  // namespace weft::hostile
