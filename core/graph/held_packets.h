// SPDX-License-Identifier: Apache-2.0
// Packets that nodes keep beyond the dispatch in which they came, and send later: a store for each
// worker, with memory that control allocates once and the worker never does. Whoever keeps a packet
// gets a copy, so nothing of a tenant's is borrowed meanwhile; a port may have a quarter of the
// store, so no tenant can take all of it from the others; and nothing is kept for longer than
// kLongest, whatever the node does or has become.
//
// Owned by a worker's Graph, touched by that worker alone, but for what says otherwise.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/clock.h"
#include "core/base/counter.h"
#include "core/graph/frame.h"
#include "core/packet/packet.h"

namespace weft {

// A packet that a node keeps. Like a ticket: whoever has it may ask for the packet, which may have
// gone meanwhile. One that says nothing is of no packet.
class Owned {
 public:
  Owned() = default;
  explicit operator bool() const { return life_ != 0; }

 private:
  friend class HeldPackets;
  Owned(uint16_t place, uint32_t life) : place_(place), life_(life) {}

  uint16_t place_ = 0;
  uint32_t life_ = 0;  // of the place, which others have before and after
};

// Where a packet goes when it is sent. Nodes have the numbers of their names, for a plan may come
// and go meanwhile, and a plugin with it.
struct HeldRoute {
  enum class Way : uint8_t { kNode, kArc, kOnward };
  Way way = Way::kNode;
  Arc arc = Arc::kPortInput;  // for kArc and kOnward
  uint16_t node = 0;          // that it goes to, or the arc's entry; for kOnward who kept it
  uint16_t follower = 0;      // for kOnward: who came next when it was kept
  // The ports' lives: a number is another port's one day (ArcTables::life).
  uint32_t in_life = 0, out_life = 0;
};

class HeldPackets {
 public:
  static constexpr size_t kPackets = 8'192;
  static constexpr size_t kCells = 4'096;  // for what does not fit into a packet's own header room
  static constexpr size_t kCellBytes = 2'048;
  static constexpr size_t kShare = 4;  // a port may have one part in so many, of either
  static constexpr Time kLongest = std::chrono::seconds(10);

  HeldPackets() : HeldPackets(kPackets, kCells) {}
  HeldPackets(size_t packets, size_t cells);
  ~HeldPackets();
  HeldPackets(const HeldPackets&) = delete;
  HeldPackets& operator=(const HeldPackets&) = delete;

  // A copy of the packet, payload and ports included. Nothing if there is no room, or its in-port
  // has its share.
  Owned Keep(const Packet& packet, Time now);
  // Null if it has been sent, or was kept for too long.
  Packet* Find(Owned owned);
  // It goes at `due`, at the latest in kLongest. False if there is none any more.
  bool Send(Owned owned, Time due, Time now, const HeldRoute& route);
  // It is over with it.
  void Release(Owned owned);

  // A packet whose time has come; its bytes stay until EndDispatch. Null if there is none.
  Packet* TakeDue(Time now);
  // One that nobody has sent in time; the same.
  Packet* TakeExpired(Time now);
  // Of a packet that was taken.
  const HeldRoute& RouteOf(const Packet& packet) const { return places_[PlaceOf(packet)].route; }
  void EndDispatch();
  // When the next of them is to be looked at.
  std::optional<Time> NextDue() const;

  // --- any thread ---

  uint64_t held() const { return held_.value(); }
  uint64_t most_held() const { return most_held_.value(); }
  size_t size() const { return packet_count_; }
  // Of all of it, whether somebody uses it or not.
  size_t bytes() const { return packet_count_ * sizeof(Place) + cell_count_ * kCellBytes; }

 private:
  static constexpr uint16_t kNone = 0xffff;
  static constexpr size_t kOwnSegments = 3;

  struct Place {
    PacketSlot slot;
    std::array<Segment, kOwnSegments> more;  // behind the first; more than these are in a cell
    HeldRoute route;
    Time since{};
    uint32_t life = 1;
    uint16_t cells = 0;
    uint16_t first_cell = kNone;
    uint16_t before = kNone, after = kNone;  // among those that nobody has sent, the oldest first
    bool waits = false;                      // it is one of these
  };
  struct Cell {
    alignas(64) uint8_t bytes[kCellBytes];
  };
  struct Due {
    Time time;
    uint64_t order;  // among those of one moment
    uint16_t place;
    bool operator<(const Due& other) const {  // as std::push_heap wants it: the first on top
      return time != other.time ? time > other.time : order > other.order;
    }
  };
  struct Used {
    uint16_t packets = 0, cells = 0;
  };

  size_t PlaceOf(const Packet& packet) const {
    return static_cast<size_t>(reinterpret_cast<const Place*>(&packet) - places_);
  }
  Used& UsedBy(const Packet& packet) {
    return used_[std::min<size_t>(packet.in_port().value(), kMaxPorts)];
  }
  static size_t CellsFor(const Packet& packet);
  uint16_t TakePlace();
  uint16_t TakeCell(Place& place);
  void Copy(const Packet& packet, Place& place);
  void Unlink(uint16_t number);
  void Take(uint16_t number);
  void Free(uint16_t number);

  const size_t packet_count_, cell_count_;
  // Neither is touched before it is needed: until then it costs an address.
  Place* const places_;
  const std::unique_ptr<Cell[]> cells_;
  size_t fresh_places_ = 0, fresh_cells_ = 0;  // those from here on have never been used
  std::vector<uint16_t> free_places_, free_cells_;
  std::vector<uint16_t> next_cell_;  // of the same packet
  std::vector<Due> due_;             // a heap
  std::vector<uint16_t> taken_;
  uint64_t order_ = 0;
  uint16_t oldest_ = kNone, newest_ = kNone;  // of those that nobody has sent
  size_t cells_used_ = 0;
  std::array<Used, kMaxPorts + 1> used_{};  // by in-port; the last is for no port
  Counter held_, most_held_;
};

}  // namespace weft
