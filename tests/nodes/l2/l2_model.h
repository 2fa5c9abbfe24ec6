// SPDX-License-Identifier: Apache-2.0
// What the forwarding database and the switch shall do, written down in the plainest way: maps and
// sets, one thread, no speed. Tests and the fuzz target compare the real ones with it, step by
// step.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "nodes/l2/bridge.h"
#include "nodes/l2/fdb.h"

namespace weft::l2 {

class FdbModel {
 public:
  struct Entry {
    PortId port;
    bool is_static;
    Seconds time;
  };
  using Key = std::pair<BridgeId, MacAddress>;

  // `places`: how many entries there is room for; any entry may take any place.
  explicit FdbModel(size_t places) : places_(places) {}

  const std::map<Key, Entry>& entries() const { return entries_; }
  void SetAgeing(BridgeId bridge, Seconds age) { ageing_[bridge] = age; }
  bool full() const { return entries_.size() == places_; }

  PortId Lookup(BridgeId bridge, const MacAddress& mac) const {
    const auto found = entries_.find({bridge, mac});
    return found == entries_.end() ? PortId() : found->second.port;
  }
  uint32_t learned(PortId port) const {
    uint32_t count = 0;
    for (const auto& [key, entry] : entries_) count += !entry.is_static && entry.port == port;
    return count;
  }

  LearnResult Learn(BridgeId bridge, const MacAddress& mac, PortId port, uint32_t limit,
                    Seconds now) {
    const auto found = entries_.find({bridge, mac});
    if (found == entries_.end()) {
      if (learned(port) >= limit) return LearnResult::kPortLimit;
      if (full()) return LearnResult::kTableFull;
      entries_[{bridge, mac}] = {port, false, now};
      return LearnResult::kLearned;
    }
    Entry& entry = found->second;
    if (entry.is_static) {
      return entry.port == port ? LearnResult::kKnown : LearnResult::kStaticElsewhere;
    }
    if (entry.port == port) {
      if (now <= entry.time) return LearnResult::kKnown;
      entry.time = now;
      return LearnResult::kRefreshed;
    }
    if (learned(port) >= limit) return LearnResult::kPortLimit;
    entry = {port, false, now};
    return LearnResult::kMoved;
  }

  // True if the entry is there afterwards. A full table must be given room first: AdoptDisplaced.
  bool AddStatic(BridgeId bridge, const MacAddress& mac, PortId port) {
    if (mac.is_group() || mac.is_zero()) return false;
    const auto found = entries_.find({bridge, mac});
    if (found != entries_.end() && found->second.is_static) return found->second.port == port;
    if (found == entries_.end() && full()) return false;
    entries_[{bridge, mac}] = {port, true, 0};
    return true;
  }
  bool RemoveStatic(BridgeId bridge, const MacAddress& mac) {
    return Remove([&](const Key& key, const Entry& entry) {
             return key == Key(bridge, mac) && entry.is_static;
           }) != 0;
  }
  // A static entry in a full table displaces a learned one, and which is the table's choice:
  // forgets the one that is not among `entries`. False if more than one is missing, or a static
  // one.
  bool AdoptDisplaced(const std::vector<FdbEntry>& entries) {
    std::set<Key> there;
    for (const FdbEntry& entry : entries) there.insert({entry.bridge, entry.mac});
    size_t statics = 0;
    const size_t gone = Remove([&](const Key& key, const Entry& entry) {
      if (there.contains(key)) return false;
      statics += entry.is_static;
      return true;
    });
    return gone <= 1 && statics == 0;
  }
  // Why `entries` are not what is in here; empty if they are.
  std::string Mismatch(const std::vector<FdbEntry>& entries, Seconds now) const {
    if (entries.size() != entries_.size()) {
      return Cat(entries.size(), " entries instead of ", entries_.size());
    }
    for (const FdbEntry& entry : entries) {
      const auto found = entries_.find({entry.bridge, entry.mac});
      if (found == entries_.end()) return entry.mac.ToString() + " should not be there";
      const Entry& expected = found->second;
      if (entry.port != expected.port || entry.is_static != expected.is_static) {
        return entry.mac.ToString() + " is another port's, or not static as it should be";
      }
      if (!entry.is_static && entry.age != now - expected.time) {
        return Cat(entry.mac.ToString(), " has age ", entry.age);
      }
    }
    return "";
  }
  size_t FlushPort(PortId port, FlushScope scope) {
    return Remove([&](const Key&, const Entry& entry) {
      return entry.port == port && (scope == FlushScope::kEverything || !entry.is_static);
    });
  }
  size_t FlushBridge(BridgeId bridge, FlushScope scope) {
    return Remove([&](const Key& key, const Entry& entry) {
      return key.first == bridge && (scope == FlushScope::kEverything || !entry.is_static);
    });
  }
  size_t Age(Seconds now) {
    return Remove([&](const Key& key, const Entry& entry) {
      const Seconds limit = ageing_[key.first];
      return limit != 0 && !entry.is_static && now > entry.time && now - entry.time >= limit;
    });
  }

 private:
  template <typename Unwanted>
  size_t Remove(Unwanted unwanted) {
    return std::erase_if(entries_,
                         [&](const auto& item) { return unwanted(item.first, item.second); });
  }

  size_t places_;
  std::map<Key, Entry> entries_;
  std::map<BridgeId, Seconds> ageing_;
};

// What becomes of one packet: a drop, or the ports where it leaves, in order of their numbers.
struct Outcome {
  std::string drop;  // "node reason", empty if it was not dropped
  std::vector<PortId> out;
  bool operator==(const Outcome&) const = default;
};

class SwitchModel {
 public:
  struct Port {
    BridgeId bridge;
    bool up;
    bool learning;
    uint32_t mac_limit;
  };

  explicit SwitchModel(size_t places) : fdb(places) {}

  void BeginFrame() { flooded_.clear(); }

  Outcome Switch(PortId in, const MacAddress& destination, const MacAddress& source, Seconds now) {
    const auto from = ports.find(in);
    if (from == ports.end()) return {.drop = "l2-switch no-bridge", .out = {}};
    const Port& port = from->second;
    if (source.is_group() || source.is_zero()) return {.drop = "l2-switch bad-source", .out = {}};
    if (port.learning) {
      switch (fdb.Learn(port.bridge, source, in, port.mac_limit, now)) {
        case LearnResult::kStaticElsewhere:
          return {.drop = "l2-switch stolen-source", .out = {}};
        case LearnResult::kPortLimit:
          return {.drop = "l2-switch mac-limit", .out = {}};
        case LearnResult::kTableFull:
          return {.drop = "l2-switch table-full", .out = {}};
        default:
          break;
      }
    } else {
      const auto known = fdb.entries().find({port.bridge, source});
      if (known != fdb.entries().end() && known->second.is_static && known->second.port != in) {
        return {.drop = "l2-switch stolen-source", .out = {}};
      }
    }
    if (destination.is_group()) {
      if ((destination.bits() & ~uint64_t{0xf}) == 0x0180'c200'0000) {
        return {.drop = "l2-switch reserved", .out = {}};
      }
    } else {
      const PortId out = fdb.Lookup(port.bridge, destination);
      if (out == in) return {.drop = "l2-switch hairpin", .out = {}};
      if (out.valid() && !flooded_.contains({port.bridge, destination})) {
        return {.drop = "", .out = {out}};
      }
      flooded_.insert({port.bridge, destination});
    }
    Outcome outcome;
    for (const auto& [number, other] : ports) {
      if (number != in && other.bridge == port.bridge && other.up) outcome.out.push_back(number);
    }
    if (outcome.out.empty()) outcome.drop = "flood no-members";
    return outcome;
  }

  FdbModel fdb;
  std::map<PortId, Port> ports;

 private:
  std::set<FdbModel::Key> flooded_;  // in this frame
};

}  // namespace weft::l2
