// SPDX-License-Identifier: Apache-2.0
#include "nodes/l2/l2_switch.h"

#include <cstring>

namespace weft::l2 {
namespace {

// The twelve address bytes of a frame, to be compared at once.
struct Addresses {
  uint64_t first = 0;
  uint32_t last = 0;
  bool operator==(const Addresses&) const = default;
};

Addresses AddressesOf(const Packet& packet) {
  Addresses addresses;
  std::memcpy(&addresses.first, packet.header(), 8);
  std::memcpy(&addresses.last, packet.header() + 8, 4);
  return addresses;
}

// 01:80:c2:00:00:00 to 01:80:c2:00:00:0f: a bridge never forwards them (IEEE 802.1Q-2018 §8.6.3).
bool IsReserved(const uint8_t* octets) {
  constexpr uint8_t kPrefix[] = {0x01, 0x80, 0xc2, 0x00, 0x00};
  return std::memcmp(octets, kPrefix, sizeof(kPrefix)) == 0 && octets[5] <= 0x0f;
}

}  // namespace

void L2Switch::Process(Frame& frame) {
  flooded_.Clear();
  if (run_ == Run::kDry) [[unlikely]] {
    Switch<false, Run::kDry>(frame);
  } else if (state_.prefetch()) {
    Switch<true, Run::kReal>(frame);
  } else {
    Switch<false, Run::kReal>(frame);
  }
}

template <bool kPrefetch, L2Switch::Run kRun>
void L2Switch::Switch(Frame& frame) {
  const BridgeTable& table = state_.table();
  const Seconds now = state_.now();
  // Traffic comes in runs: what was decided for the packet before holds for the next one like it.
  Addresses last_addresses;  // zero addresses never match: they are looked at, and dropped
  PortId last_in, last_out;
  GroupId last_group;
  Verdict last = Drop::kNoBridge;
  uint64_t flooded = 0;

  const auto decide = [&](Packet& packet) -> Verdict {
    const Addresses addresses = AddressesOf(packet);
    if (addresses == last_addresses && packet.in_port() == last_in) [[likely]] {
      packet.set_out_port(last_out);
      packet.set_out_group(last_group);
    } else {
      last = Decide<kRun>(packet, table, now);
      last_addresses = addresses;
      last_in = packet.in_port();
      last_out = packet.out_port();
      last_group = packet.out_group();
    }
    flooded += last_group.valid();
    return last;
  };
  if constexpr (kPrefetch) {
    ForEach(frame, decide, [&](Packet& packet) {
      const BridgeId bridge = table.port(packet.in_port()).bridge;
      state_.fdb().Prefetch(FdbKey(bridge, packet.header()));
      state_.fdb().Prefetch(FdbKey(bridge, packet.header() + sizeof(MacAddress)));
    });
  } else {
    ForEach(frame, decide);
  }
  if (flooded != 0) Count(Counter::kFlooded, flooded);
}

// Decides on one packet from scratch.
template <L2Switch::Run kRun>
L2Switch::Verdict L2Switch::Decide(Packet& packet, const BridgeTable& table, Seconds now) {
  const uint8_t* destination = packet.header();
  const PortId in = packet.in_port();
  const BridgePort& port = table.port(in);
  Fdb& fdb = state_.fdb();
  if (!port.bridge.valid()) return Drop::kNoBridge;

  const FdbKey source(port.bridge, destination + sizeof(MacAddress));
  if (source.is_group() || source.is_zero()) return Drop::kBadSource;
  const auto learn = [&] {
    return kRun == Run::kDry ? fdb.WouldLearn(source, in, port.mac_limit, now)
                             : fdb.Learn(source, in, port.mac_limit, now);
  };
  const LearnResult learned = port.learning ? learn() : fdb.Check(source, in);
  switch (learned) {
    case LearnResult::kKnown:
      break;
    case LearnResult::kRefreshed:
      Count(Counter::kRefreshed);
      break;
    case LearnResult::kLearned:
      Count(Counter::kLearned);
      break;
    case LearnResult::kMoved:
      Count(Counter::kMoved);
      break;
    case LearnResult::kStaticElsewhere:
      return Drop::kStolenSource;
    case LearnResult::kPortLimit:
      return Drop::kMacLimit;
    case LearnResult::kTableFull:
      return Drop::kTableFull;
  }

  const FdbKey key(port.bridge, destination);
  if (key.is_group()) {
    if (IsReserved(destination)) return Drop::kReserved;
  } else {
    const PortId out = fdb.Lookup(key);
    // An entry may be of a moment ago, when its port was in this bridge.
    const bool known = out.valid() && table.port(out).bridge == port.bridge;
    if (known && out == in) return Drop::kHairpin;
    if (known && !flooded_.Contains(key)) {
      packet.set_out_port(out);
      return Next::kPortOutput;
    }
    flooded_.Add(key);
  }
  packet.set_out_group(GroupId(port.bridge.value()));
  return Next::kFlood;
}

L2Switch::TraceRecord L2Switch::MakeTrace(const Packet& packet) const {
  const BridgeId bridge = state_.table().port(packet.in_port()).bridge;
  const EthernetHeader& ethernet = packet.ethernet();
  return {.bridge = bridge,
          .destination = ethernet.destination,
          .source = ethernet.source,
          .source_port = state_.fdb().Lookup(FdbKey(bridge, ethernet.source)),
          .flooded = packet.out_group().valid()};
}

}  // namespace weft::l2
