// SPDX-License-Identifier: Apache-2.0
// l2-switch: learns where a packet's source is and finds where its destination is, both within the
// bridge of the port that it came from. Ends the arc port-input. One object a worker; what is
// learned is L2State's and shared.
//
// Order: a flow whose destination is learned in the middle of a frame must not overtake itself.
// What is flooded leaves through one node more than what is not, hence a destination that was
// flooded once is flooded up to the end of the frame (FloodedInFrame). The other direction needs no
// care: what was sent straight before is ahead already.
#pragma once

#include <array>
#include <cstdint>

#include "core/graph/node.h"
#include "nodes/l2/bridge.h"

namespace weft::l2 {

// The unicast destinations that were flooded in the frame at hand: a set of at most a frame's keys,
// emptied in no time.
class FloodedInFrame {
 public:
  void Clear() {
    if (++round_ == 0) {  // a number of long ago would look like this round
      rounds_.fill(0);
      round_ = 1;
    }
    empty_ = true;
  }
  void Add(FdbKey key) {
    const size_t place = Find(key);
    keys_[place] = key;
    rounds_[place] = round_;
    empty_ = false;
  }
  bool Contains(FdbKey key) const { return !empty_ && rounds_[Find(key)] == round_; }

 private:
  static constexpr size_t kPlaces = 2 * Frame::kCapacity;  // never more than half full

  // Where `key` is, or would be put.
  size_t Find(FdbKey key) const {
    size_t place = (key.word() * 0x9e37'79b9'7f4a'7c15) >> 55;
    while (rounds_[place] == round_ && keys_[place] != key) place = (place + 1) % kPlaces;
    return place;
  }
  static_assert(kPlaces == size_t{1} << (64 - 55));

  bool empty_ = true;
  uint16_t round_ = 0;
  std::array<uint16_t, kPlaces> rounds_{};
  std::array<FdbKey, kPlaces> keys_;
};

class L2Switch final : public Node<L2Switch> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "l2-switch",
      .arc = "port-input",
      .last = true,
      .help = "Learns source addresses and finds the port of the destination in the same bridge."};
  enum class Next : uint8_t { kPortOutput, kFlood };
  static constexpr auto kNexts = Labels<Next>(
      {{Next::kPortOutput, "port-output", "the destination's port is known"},
       {Next::kFlood, "flood", "a group address, or a destination that is not known"}});
  enum class Drop : uint8_t {
    kNoBridge,
    kBadSource,
    kStolenSource,
    kMacLimit,
    kTableFull,
    kReserved,
    kHairpin
  };
  static constexpr auto kDrops = Labels<Drop>(
      {{Drop::kNoBridge, "no-bridge", "the port is in no bridge"},
       {Drop::kBadSource, "bad-source", "the source is a group address or zero"},
       {Drop::kStolenSource, "stolen-source", "the source is a static address of another port"},
       {Drop::kMacLimit, "mac-limit", "a new source on a port that may learn no more"},
       {Drop::kTableFull, "table-full", "a new source, and no room in the forwarding database"},
       {Drop::kReserved, "reserved", "to 01:80:c2:00:00:00 up to 0f, which never leave a link"},
       {Drop::kHairpin, "hairpin", "the destination is on the port that the packet came from"}});
  enum class Counter : uint8_t { kLearned, kMoved, kRefreshed, kFlooded };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kLearned, "learned", "new source addresses"},
                       {Counter::kMoved, "moved", "source addresses that changed their port"},
                       {Counter::kRefreshed, "refreshed", "source addresses seen again"},
                       {Counter::kFlooded, "flooded", "packets to all ports of their bridge"}});
  struct TraceRecord {
    BridgeId bridge;
    MacAddress destination;
    MacAddress source;
    PortId source_port;  // where the source is now known
    bool flooded;
  };
  static constexpr auto kTrace = TraceFields(
      {TraceFieldOf<&TraceRecord::bridge>("bridge", "the bridge's number"),
       TraceFieldOf<&TraceRecord::destination>("destination", "the frame's destination MAC"),
       TraceFieldOf<&TraceRecord::source>("source", "the frame's source MAC"),
       TraceFieldOf<&TraceRecord::source_port>(
           "source-port", "the number of the port where the source is now known to be"),
       TraceFieldOf<&TraceRecord::flooded>("flooded",
                                           "whether it goes to all ports of the bridge")});

  enum class Run : uint8_t { kReal, kDry };  // dry: nothing is learned
  explicit L2Switch(L2State& state, Run run = Run::kReal) : state_(state), run_(run) {}

  void Process(Frame& frame);
  TraceRecord MakeTrace(const Packet& packet) const;

 private:
  template <Run kRun>
  Verdict Decide(Packet& packet, const BridgeTable& table, Seconds now);
  template <bool kPrefetch, Run kRun>
  void Switch(Frame& frame);

  L2State& state_;
  const Run run_;
  FloodedInFrame flooded_;
};

}  // namespace weft::l2
