// SPDX-License-Identifier: Apache-2.0
// A worker's graph with its real nodes (vhost-input, l2-switch, flood, vhost-output) and containers
// whose rings are in memfds, all on one core: no EAL, no sockets, no threads of its own. What a
// container does between two vectors is not part of what is measured.
//
//   Stage stage({.containers = 2, .frame = 64});
//   stage.Offer(0, 256, MacOf(1));     // container 0 sends 256 frames to container 1
//   stage.Poll();                      // this is what is measured
//   stage.Reclaim();
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bench/support/slots.h"
#include "core/graph/graph.h"
#include "nodes/l2/bridge.h"
#include "nodes/vhost/vhost_table.h"
#include "tests/nodes/vhost/guest_driver.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::bench {

// How a frame lies in the sender's ring.
enum class Shape : uint8_t { kOneDescriptor, kHeaderAlone, kIndirect };

enum class RingKind : uint8_t { kSplit, kPacked, kPackedInOrder };

struct StageOptions {
  uint16_t containers = 2;
  uint32_t frame = 64;  // bytes
  Shape shape = Shape::kOneDescriptor;
  RingKind rings = RingKind::kSplit;
  uint32_t receive_buffer = 2048;
  bool mergeable = true;  // receivers negotiated VIRTIO_NET_F_MRG_RXBUF
  uint32_t mtu = 9202;
  // Registers further nodes and says which features a port has.
  std::function<void(NodeCatalog&)> add_nodes = {};
  std::function<std::vector<PortWiring::FeatureUse>(PortId)> features = {};
};

// Of container `number`.
MacAddress MacOf(uint16_t number);

class Stage {
 public:
  explicit Stage(const StageOptions& options);
  ~Stage();

  // `count` frames from a container, the i-th to destinations[i % size] and from sources[i % size];
  // without sources, from its own address.
  void Offer(uint16_t from, size_t count, std::span<const MacAddress> destinations,
             std::span<const MacAddress> sources = {});
  void Offer(uint16_t from, size_t count, MacAddress to) { Offer(from, count, {&to, 1}); }
  // Runs what was offered through the graph; returns the packets that came in.
  size_t Poll() { return graph_->PollInputs(); }
  // Offers all receive buffers anew that were used. Returns how many there were.
  size_t Reclaim();
  // An address that has been heard at a container already, besides its own.
  void Learn(MacAddress address, uint16_t container);

  Graph& graph() { return *graph_; }
  WorkerCounters& counters() { return counters_; }
  const NodeCounters& node(std::string_view name) const {
    return counters_.node(catalog_.Find(name)->id);
  }

 private:
  struct Container;

  void AddNodes(const StageOptions& options);

  Rcu rcu_;
  Notifier notifier_;
  Published<vhost::VhostTable> table_;
  l2::L2State l2_;
  BridgeId bridge_;
  NodeCatalog catalog_;
  Slots slots_;
  PacketPool pool_;
  WorkerCounters counters_;
  Published<ArcTables> arcs_;
  std::vector<std::unique_ptr<Container>> containers_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace weft::bench
