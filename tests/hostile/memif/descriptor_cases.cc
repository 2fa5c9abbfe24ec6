// SPDX-License-Identifier: Apache-2.0
// Lies by descriptor to a memif port that listens: frames and buffers that are none, in rings that
// are otherwise honest. A bad frame, or a bad buffer, is a counted drop and the next one goes on.
#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/tenant.h"

namespace weft::hostile {
namespace {

using memif::Descriptor;
using memif::testing::ClientMemory;

constexpr uint16_t kRingSize = 256;
constexpr uint16_t kNext = Descriptor::kNext;
constexpr uint32_t kAll = 0xffff'ffff;

// Where a descriptor points.
enum class At : uint8_t {
  kBuffer,  // a frame of zeros
  kLast,    // the last 60 bytes of the memory
  kCrossing,
  kEnd,
  kBehind,  // 2^31
  kWrapping,
  kVeryLast,  // 2^32 - 1
  kRing,      // the rings themselves
};
constexpr std::array kPlaces = {At::kBuffer, At::kLast,     At::kCrossing, At::kEnd,
                                At::kBehind, At::kWrapping, At::kVeryLast, At::kRing};

uint32_t OffsetOf(const ClientMemory& memory, At at) {
  const auto end = static_cast<uint32_t>(memory.memory.size());
  switch (at) {
    case At::kBuffer:
      return memory.OutBuffer(200);
    case At::kLast:
      return end - 60;
    case At::kCrossing:
      return end - 8;
    case At::kEnd:
      return end;
    case At::kBehind:
      return 1U << 31;
    case At::kWrapping:
      return kAll - 59;
    case At::kVeryLast:
      return kAll;
    case At::kRing:
      break;
  }
  return 0;
}

struct Piece {
  uint16_t region = 0;
  At at = At::kBuffer;
  uint32_t length = 100;
};

// What becomes of a frame of these pieces, by another reading of the rules than the switch's: the
// first piece that is wrong says it. Null: it is a frame, of zeros, and the bridge's to deal with.
const char* DropOf(const std::vector<Piece>& pieces, const ClientMemory& memory, bool cut) {
  uint64_t total = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    total += piece.length;
    if (i == 64) return "chain-too-long";
    if (total > 9216) return "too-long";
    const uint64_t end = uint64_t{OffsetOf(memory, piece.at)} + piece.length;
    if (piece.length != 0 && (piece.region != 0 || end > memory.memory.size())) return "unmapped";
  }
  if (cut) return "chain-cut";
  if (total < 14) return "runt";
  return total > 1514 ? "too-long" : nullptr;
}

Complaint PlaySend(Lane& lane, const std::vector<Piece>& pieces, bool cut) {
  MemifTenant tenant({.socket = lane.liar_socket(), .ring = kRingSize});
  if (!tenant.Run()) return "the honest part of it failed";
  ClientMemory& memory = tenant.memory();
  const char* const drop = DropOf(pieces, memory, cut);
  const uint64_t before = drop == nullptr ? 0 : lane.Drops(drop);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool last = i + 1 == pieces.size() && !cut;
    memory.out.Put(memory.sent++, {.flags = last ? uint16_t{0} : kNext,
                                   .region = pieces[i].region,
                                   .length = pieces[i].length,
                                   .offset = OffsetOf(memory, pieces[i].at),
                                   .metadata = kAll});
  }
  memory.out.set_head(memory.sent);
  tenant.Kick();
  const Complaint complaint = drop == nullptr ? "" : lane.ExpectDrop(drop, before);
  return complaint.empty() ? lane.ExpectFrames(tenant) : complaint;  // the next one goes on
}

struct SendLie {
  std::string name;
  std::vector<Piece> pieces;
  bool cut = false;  // its last descriptor says that there is one more
};

std::vector<SendLie> Chains() {
  std::vector<SendLie> lies = {
      {"64 pieces", std::vector<Piece>(64, {.length = 20})},
      {"65 pieces", std::vector<Piece>(65, {.length = 20})},
      {"65 empty pieces", std::vector<Piece>(65, {.length = 0})},
      {"200 pieces", std::vector<Piece>(200, {.length = 1})},
      {"a full ring of pieces", std::vector<Piece>(kRingSize, {.length = 1})},
      {"a full ring that goes on", std::vector<Piece>(kRingSize, {.length = 1}), true},
      {"a full ring of nothing that goes on", std::vector<Piece>(kRingSize, {.length = 0}), true},
      {"one that goes on", {{}}, true},
      {"64 that go on", std::vector<Piece>(64, {.length = 20}), true},
      {"a sum of 2^32 and a frame", {{.length = 1U << 31}, {.length = 1U << 31}, {}}},
      {"a sum beyond 2^32", {{}, {.length = kAll}, {}}},
      {"64 times 2^32 - 1", std::vector<Piece>(64, {.length = kAll})},
      {"empty pieces around a frame", {{.length = 0}, {}, {.length = 0}}},
      {"an empty piece outside", {{.at = At::kBehind, .length = 0}, {}}},
      {"an empty piece of no region", {{.region = 9, .length = 0}, {}}},
      {"a header in 14 pieces", std::vector<Piece>(14, {.length = 1})},
      {"13 bytes in 13 pieces", std::vector<Piece>(13, {.length = 1})},
      {"a region outside behind a header", {{.length = 14}, {.region = 1}}},
      {"a place outside behind a snapshot", {{.length = 116}, {.at = At::kCrossing}}},
      {"two frames' length", {{.length = 1514}, {.length = 1514}}},
  };
  return lies;
}

// Each region with each place and each length.
std::vector<SendLie> Singles() {
  std::vector<SendLie> lies;
  for (const uint16_t region : std::initializer_list<uint16_t>{0, 1, 7, 8, 255, 0xffff}) {
    for (const At at : kPlaces) {
      for (const uint32_t length :
           {0U, 1U, 13U, 14U, 60U, 1514U, 1515U, 9216U, 9217U, 65536U, 1U << 31, kAll}) {
        const Piece piece{region, at, length};
        const auto name =
            Cat("region ", region, ", place ", static_cast<int>(at), ", ", length, " bytes");
        lies.push_back({name, {piece}});
        lies.push_back({Cat(name, ", behind a header"), {{.length = 20}, piece}});
      }
    }
  }
  return lies;
}

// Buffers that are offered to receive into, before any that are good.
struct ReceiveLie {
  const char* name;
  std::vector<Piece> buffers;
  const char* drop;   // null: the frame comes all the same
  bool over = false;  // they stay before all that come after them
};

std::vector<ReceiveLie> ReceiveLies() {
  return {
      {"none", {}, "ring-full"},
      {"in region 1", {{.region = 1}}, "bad-buffer"},
      {"in region 8", {{.region = 8}}, "bad-buffer"},
      {"in region 65535", {{.region = 0xffff}}, "bad-buffer"},
      {"crossing the end", {{.at = At::kCrossing}}, "bad-buffer"},
      {"at the end", {{.at = At::kEnd}}, "bad-buffer"},
      {"at 2^31", {{.at = At::kBehind}}, "bad-buffer"},
      {"wrapping", {{.at = At::kWrapping}}, "bad-buffer"},
      {"at 2^32 - 1", {{.at = At::kVeryLast, .length = 1}}, "bad-buffer"},
      {"of 2^32 - 1 bytes", {{.length = kAll}}, "bad-buffer"},
      {"of 2^31 bytes", {{.length = 1U << 31}}, "bad-buffer"},
      {"20 bytes and one in region 1", {{.length = 20}, {.region = 1}}, "bad-buffer"},
      {"63 empty ones and one in region 1",
       [] {
         std::vector<Piece> buffers(64, {.length = 0});
         buffers.back() = {.region = 1};
         return buffers;
       }(),
       "bad-buffer"},
      {"of 20 bytes", {{.length = 20}}, "ring-full", true},
      {"of no byte", {{.length = 0}}, "ring-full", true},
      {"64 of no byte", std::vector<Piece>(64, {.length = 0}), "buffer-too-small", true},
      {"250 of no byte", std::vector<Piece>(250, {.length = 0}), "buffer-too-small", true},
      {"all in one place", std::vector<Piece>(8, {.length = 2048}), nullptr},
  };
}

Complaint PlayReceive(Lane& lane, const ReceiveLie& lie) {
  MemifTenant tenant({.socket = lane.liar_socket(), .ring = kRingSize, .buffers = 0});
  ClientMemory& memory = tenant.memory();
  for (const Piece& buffer : lie.buffers) {
    memory.in.Put(memory.offered++, {.flags = 0xffff,
                                     .region = buffer.region,
                                     .length = buffer.length,
                                     .offset = OffsetOf(memory, buffer.at),
                                     .metadata = kAll});
  }
  memory.in.set_head(memory.offered);
  if (!tenant.Run()) return "the honest part of it failed";
  if (lie.drop == nullptr) return lane.ExpectFrames(tenant);
  const uint64_t before = lane.Drops(lie.drop);
  lane.witness().Transmit(lane.FrameToLiar());
  const Complaint complaint = lane.ExpectDrop(lie.drop, before);
  if (!complaint.empty()) return complaint;
  if (lie.over) return lane.ExpectSent(tenant);
  // What went back is empty, and no frame.
  memory.taken = memory.in.tail();
  memory.Offer(4);
  return lane.ExpectFrames(tenant);
}

// A buffer over the very ring that it is offered by: what comes of it is the tenant's own affair.
Complaint PlayOverRing(Lane& lane, bool to_switch) {
  MemifTenant tenant({.socket = lane.liar_socket(), .ring = kRingSize, .buffers = 0});
  if (!tenant.Run()) return "the honest part of it failed";
  const ClientMemory& memory = tenant.memory();
  const uint32_t ring = (to_switch ? memory.out : memory.in).offset();
  for (size_t i = 0; i < 64; ++i) {
    memory.in.Put(i, {.flags = 0, .region = 0, .length = 2048, .offset = ring, .metadata = 0});
  }
  memory.in.set_head(64);
  for (int i = 0; i < 20; ++i) lane.witness().Transmit(lane.FrameToLiar());
  tenant.Kick();
  return "";
}

}  // namespace

CaseClass MemifDescriptorCases(bool full, uint32_t seed) {
  constexpr size_t kSample = 60;
  CaseClass all{.name = "memif-descriptor", .cases = {}};
  std::vector<SendLie> lies = Singles();
  if (!full) {
    std::mt19937 random(seed);
    std::shuffle(lies.begin(), lies.end(), random);
    lies.resize(kSample);
  }
  for (SendLie& lie : Chains()) lies.push_back(std::move(lie));
  for (const SendLie& lie : lies) {
    all.cases.push_back({Cat("to the switch: ", lie.name),
                         [lie](Lane& lane) { return PlaySend(lane, lie.pieces, lie.cut); }});
  }
  for (const ReceiveLie& lie : ReceiveLies()) {
    all.cases.push_back(
        {Cat("from it: buffers ", lie.name), [lie](Lane& lane) { return PlayReceive(lane, lie); }});
  }
  for (const bool to_switch : {true, false}) {
    all.cases.push_back({Cat("from it: buffers over the ring ", to_switch ? "to" : "from", " it"),
                         [to_switch](Lane& lane) { return PlayOverRing(lane, to_switch); }});
  }
  return PlayedBy(Liar::kMemif, std::move(all));
}

}  // namespace weft::hostile
