// SPDX-License-Identifier: Apache-2.0
// Links: weft_base
// Sources: nodes/l2/fdb.cc
// Before: tests/fuzz/stepped_atomic.h
// Workers and control at the forwarding database at the same time, in every order that the input
// wants: between any two steps of one of them another may do all of what it does. What must hold
// whatever the order is: no address is there twice, counts are exact, no limit is passed, a static
// entry stays, and no place of the table is lost.
//
// The table is compiled for this target, with atomics each of which is a step. The first byte
// chooses its size; the rest are operations: after how many steps of the one before it begins (0
// or more than there are: when that has ended), what it is, and of what.
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "nodes/l2/fdb.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/stepped_atomic.h"

namespace weft::l2 {
namespace {

using fuzz::InputReader;
using fuzz::Require;

constexpr BridgeId kBridge(3);
constexpr uint16_t kPorts = 4;
constexpr uint32_t kLimit = 5;
constexpr uint64_t kKeys = 12;  // more than the small table has places

MacAddress Mac(uint64_t number) { return MacAddress::FromBits(0x0200'0000'0000 + number); }
FdbKey Key(uint64_t number) { return FdbKey(kBridge, Mac(number)); }

class Threads final : public Others {
 public:
  Threads(InputReader& input, size_t capacity) : input_(input), fdb_(capacity, 99) {
    fdb_.SetAgeing(kBridge, 2);
  }

  void Run() {
    Meanwhile() = this;
    if (!input_.empty()) wait_ = input_.Byte();
    while (!input_.empty()) {
      Begin();
      CheckSound();
    }
    Meanwhile() = nullptr;
    CheckNoPlaceIsLost();
  }

  void Step() override {
    if (wait_ == 0 || --wait_ != 0 || depth_ == kDeepest || input_.empty()) return;
    Begin();
  }

 private:
  static constexpr int kDeepest = 4;  // threads

  // The next operation, to its end.
  void Begin() {
    ++depth_;
    ++begun_;
    const uint8_t what = input_.Byte();
    const uint8_t of = input_.Byte();
    wait_ = input_.Byte();  // until the one after it
    const uint64_t key = (of & 15) % kKeys;
    const PortId port(of >> 4 & (kPorts - 1));
    // There is one control thread.
    if (control_ || what % 8 < 4) {
      Work(what, key, port);
    } else {
      control_ = true;
      Control(what, key, port);
      control_ = false;
    }
    --depth_;
  }

  void Work(uint8_t what, uint64_t key, PortId port) {
    if (what % 8 == 3) {
      const PortId found = fdb_.Lookup(Key(key));
      Require(!found.valid() || said_.contains({key, found}), "a port that never had the address");
      return;
    }
    said_.insert({key, port});
    const uint64_t begun = begun_;
    const LearnResult result = fdb_.Learn(Key(key), port, kLimit, now_);
    Require(fdb_.learned(port) <= kLimit, "a port beyond its limit");
    const PortId found = fdb_.Lookup(Key(key));
    if (begun_ != begun || depth_ > 1) return;  // others were at it
    const bool refused = result == LearnResult::kStaticElsewhere ||
                         result == LearnResult::kPortLimit || result == LearnResult::kTableFull;
    Require(refused ? found != port : found == port, "what was learned is there");
  }

  void Control(uint8_t what, uint64_t key, PortId port) {
    switch (what % 8) {
      case 4:
        said_.insert({key, port});
        if (fdb_.AddStatic(kBridge, Mac(key), port).ok()) {
          Require(statics_.emplace(key, port).first->second == port, "a static entry moved");
        } else {
          Require(!statics_.contains(key) || statics_[key] != port, "a static entry was refused");
        }
        break;
      case 5:
        Require(fdb_.RemoveStatic(kBridge, Mac(key)).ok() == (statics_.erase(key) == 1),
                "a static entry is there until it is removed");
        break;
      case 6:
        if ((what & 8) != 0) {
          fdb_.FlushPort(port, FlushScope::kLearned);
        } else {
          fdb_.FlushBridge(kBridge, FlushScope::kLearned);
        }
        break;
      default:
        if ((what & 8) != 0) ++now_;
        for (size_t i = 0; i < fdb_.age_slices(); ++i) fdb_.Age(now_);
    }
  }

  // With all threads at rest.
  void CheckSound() {
    Meanwhile() = nullptr;
    std::set<uint64_t> seen;
    std::map<PortId, uint32_t> learned;
    size_t statics = 0;
    const std::vector<FdbEntry> entries = fdb_.Snapshot(now_);
    for (const FdbEntry& entry : entries) {
      const uint64_t key = entry.mac.bits() - Mac(0).bits();
      Require(entry.bridge == kBridge && key < kKeys && seen.insert(key).second,
              "an address is there once");
      Require(said_.contains({key, entry.port}), "a port that never had the address");
      learned[entry.port] += !entry.is_static;
      statics += entry.is_static;
      Require(entry.is_static == statics_.contains(key), "what is static");
      Require(fdb_.Lookup(Key(key)) == entry.port, "an entry is found");
    }
    Require(statics == statics_.size() && fdb_.size() == entries.size(), "counts");
    for (const auto& [key, port] : statics_) {
      Require(fdb_.Lookup(Key(key)) == port, "a static entry is its port's");
    }
    for (uint16_t port = 0; port < kPorts; ++port) {
      Require(fdb_.learned(PortId(port)) == learned[PortId(port)], "a port's count");
    }
    Meanwhile() = this;
  }

  void CheckNoPlaceIsLost() {
    fdb_.FlushBridge(kBridge, FlushScope::kEverything);
    Require(fdb_.size() == 0 && fdb_.Snapshot(now_).empty(), "what is left of a bridge");
    // In the small table each key may have any place.
    for (uint64_t key = 0; key < kPlaces; ++key) {
      const LearnResult result = fdb_.Learn(Key(key), PortId(0), kPlaces, now_);
      Require(result == LearnResult::kLearned || fdb_.places() != kPlaces, "a place is lost");
    }
  }

  static constexpr size_t kPlaces = 8;  // of the small table

  InputReader& input_;
  Fdb fdb_;
  Seconds now_ = 1'000;
  unsigned wait_ = 0;  // steps until the next operation begins; 0: at the end of this one
  int depth_ = 0;      // threads that are at something
  bool control_ = false;
  uint64_t begun_ = 0;  // operations
  std::set<std::pair<uint64_t, PortId>> said_;
  std::map<uint64_t, PortId> statics_;
};

}  // namespace
}  // namespace weft::l2

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  const size_t capacity = (input.Byte() & 1) != 0 ? 12 : 1;
  weft::l2::Threads(input, capacity).Run();
  return 0;
}
