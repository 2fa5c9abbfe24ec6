// SPDX-License-Identifier: Apache-2.0
// Strong types for the small numbers that name things. Two of them never mix, and none is a plain
// integer. Values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>

namespace weft {

// A number with a type of its own. Tag is any unique type; Rep the unsigned integer that holds it.
template <typename Tag, typename Rep>
class Id {
 public:
  using rep = Rep;
  constexpr Id() = default;  // the invalid id
  constexpr explicit Id(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  constexpr bool valid() const { return value_ != std::numeric_limits<Rep>::max(); }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Rep value_ = std::numeric_limits<Rep>::max();
};

// One attachment, container or NIC. Ids are dense, start at 0 and are reused after a port is
// deleted and quiesced.
using PortId = Id<struct PortIdTag, uint16_t>;
// A set of ports that a packet is copied to: one for each bridge. Same number as the bridge's.
using GroupId = Id<struct GroupIdTag, uint16_t>;
using BridgeId = Id<struct BridgeIdTag, uint16_t>;
// A worker's number, from 0, in the order of `cores`.
using WorkerId = Id<struct WorkerIdTag, uint16_t>;
// Position of a node in a Graph, in topological order.
using NodeIndex = Id<struct NodeIndexTag, uint16_t>;
// A list of features on one arc that several ports share; 0 is the list without features.
using ChainId = Id<struct ChainIdTag, uint8_t>;

inline constexpr size_t kMaxPorts = 1024;
inline constexpr size_t kMaxBridges = 256;
inline constexpr size_t kMaxWorkers = 32;

}  // namespace weft

template <typename Tag, typename Rep>
struct std::hash<weft::Id<Tag, Rep>> {
  size_t operator()(weft::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>()(id.value()); }
};
