// SPDX-License-Identifier: Apache-2.0
// Bridges and their ports. Workers read an immutable BridgeTable; control changes bridges and ports
// through L2State, which publishes a new table each time and keeps the forwarding database in step.
// Owned by the l2 module, made before the graphs and destroyed after them. Control thread, but for
// table(), fdb() and now(), which are the workers' way in.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mac_address.h"
#include "core/base/rcu.h"
#include "nodes/l2/fdb.h"

namespace weft::l2 {

inline constexpr uint32_t kDefaultMacLimit = 64;
inline constexpr Seconds kDefaultAgeing = 300;  // IEEE 802.1Q-2018 table 8-7

// What workers know of one port.
struct BridgePort {
  BridgeId bridge;        // invalid: in no bridge
  bool up = false;        // frames are flooded to it
  bool learning = false;  // also while it is down: see PortDown
  uint32_t mac_limit = 0;
};
static_assert(sizeof(BridgePort) == 8);

// One immutable state of all bridges.
class BridgeTable {
 public:
  // The port is in no bridge if `bridge` of the result is invalid. Any PortId of a packet will do.
  const BridgePort& port(PortId port) const { return ports_[port.value()]; }
  // The ports of a group that are up, by number; empty for a group that is not there.
  const std::vector<PortId>& members(GroupId group) const {
    return members_[std::min<size_t>(group.value(), kMaxBridges)];
  }

 private:
  friend class L2State;

  std::array<BridgePort, kMaxPorts> ports_{};
  std::array<std::vector<PortId>, kMaxBridges + 1> members_;  // the last is for no bridge: empty
};

// How a port takes part in its bridge.
struct PortOptions {
  std::optional<MacAddress> mac = std::nullopt;  // its own: static, and no other port may use it
  std::optional<uint32_t> mac_limit =
      std::nullopt;      // learned addresses; default 64, or 0 for a port with `mac`
  bool learning = true;  // false: any source may pass, none is learned
};

class L2State {
 public:
  struct Options {
    size_t capacity = Fdb::kDefaultCapacity;  // entries of the forwarding database
    uint64_t seed = RandomSeed();
    bool prefetch = false;  // look ahead in l2-switch: pays with some 100,000 entries and more
  };
  L2State(Rcu& rcu, const Options& options);
  explicit L2State(Rcu& rcu);
  ~L2State();
  L2State(const L2State&) = delete;
  L2State& operator=(const L2State&) = delete;

  // --- any thread ---

  // Valid until the worker's next quiescent state; never null.
  const BridgeTable& table() const { return *table_.Load(); }
  Fdb& fdb() const { return shared_->fdb; }
  // The time that entries are stamped with: what Tick said last.
  Seconds now() const { return now_.load(std::memory_order_relaxed); }
  bool prefetch() const { return prefetch_; }

  // --- control thread ---

  // A new bridge; entries that are learned in it are forgotten after `ageing`, 0: never.
  // AlreadyExists: the name is taken. ResourceExhausted: kMaxBridges are there.
  absl::StatusOr<BridgeId> AddBridge(std::string_view name, Seconds ageing = kDefaultAgeing);
  // NotFound; FailedPrecondition: it still has ports.
  absl::Status RemoveBridge(BridgeId bridge);
  absl::Status SetAgeing(BridgeId bridge, Seconds ageing);
  // Invalid if there is none of that name.
  BridgeId FindBridge(std::string_view name) const;
  // Empty if there is no such bridge.
  const std::string& bridge_name(BridgeId bridge) const;

  // Puts a port, which starts down, into a bridge. AlreadyExists: it is in one, or its `mac` is
  // another's; NotFound: no such bridge; InvalidArgument: the `mac` or the port's number.
  absl::Status AddPort(PortId port, BridgeId bridge, const PortOptions& options);
  // Takes a port out of its bridge, with all its entries. Unknown ports are none of our business.
  void RemovePort(PortId port);
  // Frames are flooded to a port while it is up. When it goes down, and when whoever was there goes
  // without ever having been up, it loses what it has learned. A port that is down may still send:
  // a ring starts before the port is up, stops after it is down, and a container need not start the
  // other one at all. Its limits hold for that too, so it learns.
  void PortUp(PortId port);
  void PortDown(PortId port);

  // A static entry besides the port's own. FailedPrecondition: the port is not in that bridge.
  absl::Status AddStatic(BridgeId bridge, const MacAddress& mac, PortId port);
  absl::Status RemoveStatic(BridgeId bridge, const MacAddress& mac);

  // Says what time it is and ages a slice of the table; call it several times a second.
  void Tick(Time now);
  // What `show l2 fdb` shows.
  std::vector<FdbEntry> Entries() const { return fdb().Snapshot(now()); }

  // A seed that no tenant can guess.
  static uint64_t RandomSeed();

 private:
  // What callbacks that outlive this object may still need.
  struct Shared {
    Shared(size_t capacity, uint64_t seed) : fdb(capacity, seed) {}
    Fdb fdb;
    std::array<bool, kMaxBridges> retiring{};  // removed; workers may still learn in it
  };

  bool Exists(BridgeId bridge) const {
    return bridge.value() < kMaxBridges && !names_[bridge.value()].empty();
  }
  bool IsMember(PortId port) const {
    return port.value() < kMaxPorts && next_.ports_[port.value()].bridge.valid();
  }
  void Publish();
  void ForgetPort(PortId port);
  void SetUp(PortId port, bool up);

  Rcu& rcu_;
  const bool prefetch_;
  const std::shared_ptr<Shared> shared_;
  std::atomic<Seconds> now_{0};
  Published<BridgeTable> table_;

  std::array<std::string, kMaxBridges> names_;  // empty: no such bridge
  BridgeTable next_;                            // what the next Publish will copy
};

}  // namespace weft::l2
