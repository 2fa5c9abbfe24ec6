// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_l2
// Any sequence of what workers and control do to the forwarding database: every result is what the
// model says, and so is every entry, age and count in between. Frames are l2_switch_fuzz's
// business.
//
// The first byte chooses the table, the next ones the time and the bridges' ageing; then each
// operation is a byte, followed by its bridge and address, its port and what else it needs.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/base/text.h"
#include "nodes/l2/fdb.h"
#include "tests/fuzz/input.h"
#include "tests/nodes/l2/l2_model.h"

namespace weft::l2 {
namespace {

using fuzz::InputReader;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "fdb_fuzz: %s\n", why.c_str());
  std::abort();
}

void Require(bool holds, const char* what) {
  if (!holds) Fail(what);
}

// The ends of what a number may be, too: a port and a bridge are 16 bits of an entry each.
constexpr std::array<uint16_t, 4> kPorts{0, 1, 7, kMaxPorts - 1};
constexpr std::array<uint16_t, 4> kBridges{0, 1, 2, kMaxBridges - 1};

class Pair {
 public:
  // With places for a few entries, all of which a key may take; for some more, of which it may take
  // eight; and for so many that one call of Age does not look at all.
  Pair(uint8_t choice, Seconds now)
      : fdb_(kCapacities[choice % kCapacities.size()], 99), model_(fdb_.places()), now_(now) {}

  void Run(InputReader& input) {
    for (const uint16_t bridge : kBridges) SetAgeing(BridgeId(bridge), input.Byte() % 64);
    for (size_t step = 0; !input.empty(); ++step) {
      Step(input);
      // It walks the table, and a step has compared what it touched.
      if (fdb_.age_slices() == 1 && step % 8 == 0) Compare();
    }
    Compare();
    for (const uint16_t bridge : kBridges) {
      const BridgeId id(bridge);
      Require(fdb_.FlushBridge(id, FlushScope::kEverything) ==
                  model_.FlushBridge(id, FlushScope::kEverything),
              "the last flush");
    }
    Require(fdb_.size() == 0 && fdb_.Snapshot(now_).empty(), "entries of no bridge");
  }

 private:
  static constexpr std::array<size_t, 8> kCapacities{1, 12, 12, 1,
                                                     1, 12, 12, 2 * Fdb::kAgeSlice + 1};
  static constexpr size_t kPlacesOfAKey = 8;
  static constexpr Seconds kLongest = 1 << 26;  // ages are right up to twice that

  void Step(InputReader& input) {
    const uint8_t op = input.Byte();
    const uint8_t where = input.Byte();
    const BridgeId bridge(kBridges[where & 3]);
    const PortId port(kPorts[where >> 2 & 3]);
    const FlushScope scope = (where & 16) != 0 ? FlushScope::kEverything : FlushScope::kLearned;
    if (op < 0xa0) {
      Learn(input, bridge, port, op % 16U);
    } else if (op < 0xb0) {
      AddStatic(bridge, PickMac(input), port);
    } else if (op < 0xb8) {
      const MacAddress mac = PickMac(input);
      const absl::Status status = fdb_.RemoveStatic(bridge, mac);
      Require(status.ok() == model_.RemoveStatic(bridge, mac), "RemoveStatic");
      Require(status.ok() || absl::IsNotFound(status), "why RemoveStatic failed");
    } else if (op < 0xc0) {
      Require(fdb_.FlushPort(port, scope) == model_.FlushPort(port, scope), "FlushPort");
    } else if (op < 0xc8) {
      Require(fdb_.FlushBridge(bridge, scope) == model_.FlushBridge(bridge, scope), "FlushBridge");
    } else if (op < 0xd0) {
      SetAgeing(bridge, input.Byte());
    } else if (op < 0xe0) {
      Age();
    } else {
      Advance((op & 1) != 0 ? input.Short() : input.Byte() % 4U);
    }
  }

  // Often the same few, which may be full of any bit.
  MacAddress PickMac(InputReader& input) {
    const uint8_t choice = input.Byte();
    if (choice == 255) return MacAddress();
    if (choice == 254) return MacAddress::FromBits(0xffff'ffff'ffff);
    if (choice >= 240) return MacAddress::FromBits(uint64_t{input.Word()} << 16 | input.Short());
    return MacAddress::FromBits((choice & 1) != 0 ? 0x0200'0000'0000 + choice
                                                  : 0xfeff'ffff'ffff - choice);
  }

  void Learn(InputReader& input, BridgeId bridge, PortId port, uint32_t limit) {
    const MacAddress mac = PickMac(input);
    const FdbKey key(bridge, mac);
    Require(key.bridge() == bridge && key.mac() == mac, "a key is its bridge and address");
    Require(key.is_group() == mac.is_group() && key.is_zero() == mac.is_zero(), "kinds of keys");
    Require(fdb_.Lookup(key) == model_.Lookup(bridge, mac), "Lookup");
    const auto known = model_.entries().find({bridge, mac});
    const bool stolen =
        known != model_.entries().end() && known->second.is_static && known->second.port != port;
    Require((fdb_.Check(key, port) == LearnResult::kStaticElsewhere) == stolen, "Check");
    if (mac.is_group() || mac.is_zero()) return;  // callers never learn these
    // Another worker's clock may be a second behind.
    const Seconds now = now_ - (input.Byte() == 1 && now_ != first_ ? 1 : 0);
    const LearnResult foreseen = fdb_.WouldLearn(key, port, limit, now);
    const LearnResult result = fdb_.Learn(key, port, limit, now);
    Require(result == foreseen, "a dry run says what then happens");
    if (result == LearnResult::kTableFull && HasRoom()) return;
    Require(result == model_.Learn(bridge, mac, port, limit, now), "Learn");
    Require(fdb_.Lookup(key) == model_.Lookup(bridge, mac), "Lookup of what was learned");
  }

  void AddStatic(BridgeId bridge, const MacAddress& mac, PortId port) {
    const absl::Status status = fdb_.AddStatic(bridge, mac, port);
    if (!model_.AdoptDisplaced(fdb_.Snapshot(now_))) Fail("a static entry displaced too much");
    if (absl::IsResourceExhausted(status) && HasRoom()) return;
    Require(status.ok() == model_.AddStatic(bridge, mac, port), "AddStatic");
    Require(!absl::IsInvalidArgument(status) || mac.is_group() || mac.is_zero(), "a bad address");
  }

  // A key has eight places: where a table has more, they can all be taken while others are free.
  bool HasRoom() const {
    return !model_.full() && fdb_.places() > kPlacesOfAKey &&
           model_.entries().size() >= kPlacesOfAKey;
  }

  void SetAgeing(BridgeId bridge, Seconds age) {
    fdb_.SetAgeing(bridge, age);
    model_.SetAgeing(bridge, age);
  }

  void Age() {
    size_t removed = 0;
    for (size_t i = 0; i < fdb_.age_slices(); ++i) removed += fdb_.Age(now_);
    Require(removed == model_.Age(now_), "Age");
  }

  void Advance(Seconds by) {
    if (now_ - first_ + by < kLongest) now_ += by;
  }

  void Compare() const {
    const std::string mismatch = model_.Mismatch(fdb_.Snapshot(now_), now_);
    if (!mismatch.empty()) Fail(mismatch);
    Require(fdb_.size() == model_.entries().size(), "size");
    for (const uint16_t port : kPorts) {
      Require(fdb_.learned(PortId(port)) == model_.learned(PortId(port)), "learned");
    }
  }

  Fdb fdb_;
  FdbModel model_;
  Seconds now_;
  const Seconds first_ = now_;
};

}  // namespace
}  // namespace weft::l2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  const uint8_t choice = input.Byte();
  // Entries have 28 bits of it: also where those wrap.
  const weft::l2::Seconds now = (choice & 0x80) != 0 ? (1U << 28) - 100 : 1'000;
  weft::l2::Pair(choice, now).Run(input);
  return 0;
}
