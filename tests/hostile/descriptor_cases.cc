// SPDX-License-Identifier: Apache-2.0
// Lies by descriptor: chains that are no frames and no buffers, in rings that are otherwise honest.
// A bad frame is a counted drop and the next one goes on; a bad ring puts the port in error.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/descriptor_lies.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::hostile {
namespace {

using vhost::Descriptor;
using vhost::PackedDescriptor;
using vhost::UsedElement;
using vhost::testing::Guest;
using vhost::testing::GuestRing;
using vhost::testing::PackedGuestRing;

constexpr size_t kTableBytes = 66 * sizeof(Descriptor);
constexpr const char* kBadBuffer = "bad-buffer";

// A lie, and how it is told.
struct Telling {
  ChainLie lie;
  Way way;
  Form form;
  Rings rings;

  bool packed() const { return rings == Rings::kPacked; }
  bool to_switch() const { return way == Way::kToSwitch; }
  bool Possible() const {
    return lie.way.value_or(way) == way && lie.form.value_or(form) == form &&
           !(lie.split && packed());
  }
  // The reason; null: there is nothing wrong with it.
  const char* drop() const {
    if (lie.drop == nullptr) return nullptr;
    if (!to_switch()) return kBadBuffer;
    return form == Form::kIndirect && lie.drop_of_table != nullptr ? lie.drop_of_table : lie.drop;
  }
  std::string Name() const {
    return Cat(packed() ? "packed" : "split", to_switch() ? ", to the switch" : ", from the switch",
               form == Form::kDirect ? ", direct: " : ", indirect: ", lie.name);
  }
};

// Where the parts of a lie are in the tenant's memory.
struct Place {
  Guest& guest;
  uint64_t buffer;
  uint64_t table;

  uint64_t Of(ChainPiece::At at) const {
    switch (at) {
      case ChainPiece::At::kBuffer:
        return buffer;
      case ChainPiece::At::kOutside:
        return guest.end() + 4096;
      case ChainPiece::At::kCrossing:
        return guest.end() - 8;
      case ChainPiece::At::kWrapping:
        return ~uint64_t{0} - 7;
      case ChainPiece::At::kTable:
        return table;
      case ChainPiece::At::kMisaligned:
        return table + 8;
    }
    return 0;
  }
};

// The descriptors of a chain as split rings have them; `first` is the number of the first in its
// table.
std::vector<Descriptor> ChainOf(const Telling& told, const Place& place, uint16_t first) {
  const std::vector<ChainPiece>& pieces = told.lie.pieces;
  const auto number = [&](size_t i, int next) {
    if (next == ChainPiece::kNowhere) return first + i + 0x4000;
    if (next == ChainPiece::kBehind) return first + pieces.size();
    return first + i + static_cast<size_t>(next);  // backwards as well: it wraps
  };
  std::vector<Descriptor> chain;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const ChainPiece& piece = pieces[i];
    const bool more = i + 1 < pieces.size() || piece.next != ChainPiece::kNextOne;
    uint32_t length = piece.length;
    if (length == ChainPiece::kFits) {
      length = told.to_switch() ? vhost::kNetHeader + ChainPiece::kFrameBytes : 2048;
    }
    const bool write = told.to_switch() == piece.wrong_way;
    chain.push_back(
        {place.Of(piece.at), length,
         static_cast<uint16_t>((more ? Descriptor::kNext : 0) | (write ? Descriptor::kWrite : 0) |
                               (piece.indirect ? Descriptor::kIndirect : 0)),
         static_cast<uint16_t>(number(i, piece.next))});
  }
  return chain;
}

// The same where no descriptor has a number: in packed rings, and in their tables.
std::vector<PackedDescriptor> Packed(const std::vector<Descriptor>& chain) {
  std::vector<PackedDescriptor> packed;
  for (const Descriptor& one : chain) packed.push_back({one.address, one.length, 0, one.flags});
  return packed;
}

// Writes a table, and returns the descriptor that refers to it.
Descriptor PutTable(const Telling& told, const Place& place) {
  const std::vector<Descriptor> entries = ChainOf(told, place, 0);
  const std::vector<PackedDescriptor> packed = Packed(entries);
  const ChainTable& table = told.lie.table;
  const uint64_t at = place.Of(table.at);
  const auto bytes = static_cast<uint32_t>(entries.size() * sizeof(Descriptor));
  // A table that is nowhere lies where it would be, all the same.
  uint8_t* const to = place.guest.At(table.at == ChainPiece::At::kMisaligned ? at : place.table);
  std::memcpy(to, told.packed() ? static_cast<const void*>(packed.data()) : entries.data(), bytes);
  return {at, table.length.value_or(bytes),
          static_cast<uint16_t>(Descriptor::kIndirect | (table.alone ? 0 : Descriptor::kNext) |
                                (table.write ? Descriptor::kWrite : 0)),
          0};
}

void OfferSplit(GuestRing& ring, const Telling& told, const Place& place) {
  const uint16_t head = ring.NextDescriptor();
  if (told.form == Form::kIndirect) {
    ring.Write(head, PutTable(told, place));
  } else {
    uint16_t index = head;
    for (const Descriptor& descriptor : ChainOf(told, place, head)) {
      ring.Write(index, descriptor);
      index = ring.NextDescriptor();
    }
  }
  ring.Offer(head);
}

void OfferPacked(PackedGuestRing& ring, const Telling& told, const Place& place) {
  std::vector<Descriptor> chain;
  if (told.form == Form::kIndirect) {
    chain.push_back(PutTable(told, place));
    if (!told.lie.table.alone) chain.push_back({place.buffer, 100, 0, 0});
  } else {
    chain = ChainOf(told, place, 0);
  }
  ring.OfferDescriptors(Packed(chain));
}

// Returns where its buffer is, with this frame in it.
uint64_t Offer(Tenant& tenant, uint32_t number, const Telling& told, const Bytes& frame) {
  Guest& guest = tenant.guest();
  Bytes bytes(16384);
  std::copy(frame.begin(), frame.end(), bytes.begin() + vhost::kNetHeader);
  const Place place{guest, guest.Put(bytes), guest.Allocate(kTableBytes, 16)};
  if (told.packed()) {
    OfferPacked(dynamic_cast<PackedGuestRing&>(tenant.ring(number)), told, place);
  } else {
    OfferSplit(dynamic_cast<GuestRing&>(tenant.ring(number)), told, place);
  }
  tenant.Kick(number);
  return place.buffer;
}

TenantOptions OptionsOf(const Lane& lane, const Telling& told) {
  TenantOptions options = lane.Options(told.rings);
  if (!told.lie.table.negotiated) options.features &= ~vhost::kFeatureIndirect;
  return options;
}

Complaint PlaySend(Lane& lane, const Telling& told) {
  Tenant tenant(OptionsOf(lane, told));
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  Bytes frame = lane.FrameToWitness();
  frame.resize(ChainPiece::kFrameBytes);
  const char* const drop = told.drop();
  const uint64_t before = drop == nullptr ? 0 : lane.Drops(drop);
  Offer(tenant, kTransmit, told, frame);
  const Complaint complaint =
      drop == nullptr ? lane.ExpectAtWitness(frame) : lane.ExpectDrop(drop, before);
  return complaint.empty() ? lane.ExpectFrames(tenant) : complaint;  // the next one goes on
}

Complaint PlayReceive(Lane& lane, const Telling& told) {
  TenantOptions options = OptionsOf(lane, told);
  options.buffers = 0;
  Tenant tenant(options);
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  const char* const drop = told.drop();
  const uint64_t before = drop == nullptr ? 0 : lane.Drops(drop);
  const uint64_t buffer = Offer(tenant, kReceive, told, {});
  tenant.ring(kReceive).Post(2048);
  tenant.Kick(kReceive);
  const Bytes frame = lane.FrameToLiar();
  lane.witness().Transmit(frame);
  const Complaint complaint = drop == nullptr ? "" : lane.ExpectDrop(drop, before);
  if (!complaint.empty()) return complaint;
  // A bad chain comes back with nothing in it, a moment after the drop was counted.
  std::vector<UsedElement> used;
  const bool back = Await([&] {
    used = tenant.ring(kReceive).TakeUsed();
    return !used.empty();
  });
  if (!back) return "the chain does not come back";
  const size_t length = drop == nullptr ? vhost::kNetHeader + frame.size() : 0;
  if (used[0].length != length) return Cat("the chain comes back with ", used[0].length, " bytes");
  const uint8_t* const arrived = tenant.guest().At(buffer) + vhost::kNetHeader;
  if (drop == nullptr && std::memcmp(arrived, frame.data(), frame.size()) != 0) {
    return "another frame arrived";
  }
  return lane.ExpectFrames(tenant);
}

}  // namespace

CaseClass DescriptorCases() {
  CaseClass all{.name = "descriptor", .cases = {}};
  for (const ChainLie& lie : ChainLies()) {
    for (const Way way : {Way::kToSwitch, Way::kFromSwitch}) {
      for (const Form form : {Form::kDirect, Form::kIndirect}) {
        for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
          const Telling told{lie, way, form, rings};
          if (!told.Possible()) continue;
          all.cases.push_back({told.Name(), [told](Lane& lane) {
                                 return told.to_switch() ? PlaySend(lane, told)
                                                         : PlayReceive(lane, told);
                               }});
        }
      }
    }
  }
  return all;
}

}  // namespace weft::hostile
