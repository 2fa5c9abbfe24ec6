// SPDX-License-Identifier: Apache-2.0
// A stage for one real node: everything that comes before and after it is a stand-in, everything
// that it looks at (bridges, ports, tables, containers) is there. What goes in is known packet by
// packet, and so is what comes out where. No EAL, no worker: the test is the worker.
//
// A node class gets on stage by what its declarations say. Only three things must be said of it:
// a feature's table, if {} is none; and whether an input or output needs containers or a NIC. Who
// adds a node and says nothing gets a failing test that says so.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/clock.h"
#include "core/graph/graph.h"
#include "tests/graph/every_module.h"
#include "tests/support/container.h"
#include "tests/support/graph_harness.h"

namespace weft::testing {

// A frame to be put in, and where the node before says that it goes.
struct Item {
  uint16_t number = 0;  // told by its Ethernet type: see FrameNumber
  PortId in_port;
  Bytes frame;
  PortId out_port;
  GroupId out_group;
  size_t header_length = Packet::kMaxHeader;
};
// Frames of a stage carry their number in the type field, so that the shortest can be told apart.
inline constexpr uint16_t kFirstNumber = 0x1000;
uint16_t FrameNumber(const Bytes& frame);

// A packet that left the node on stage.
struct Arrival {
  std::string exit;  // the node that got it
  uint16_t number = 0;
  PortId in_port, out_port;
  GroupId out_group;
  Bytes frame;
  bool operator==(const Arrival&) const = default;
};

struct StageState {
  std::deque<Item> waiting;
  std::map<uint16_t, Item> items;  // by number, all that were put in
  std::vector<Arrival> arrivals;   // in order
};

// What a stage needs besides its graph.
enum class Surroundings { kMemory, kContainers, kNobody };
// How an input or output gets its frames; nothing if the suite does not know.
std::optional<Surroundings> SurroundingsOf(const NodeClass& node);

class NodeStage {
 public:
  // Ports 0 to 3 are in one bridge and up; 0 and 1 have the feature that is on stage.
  static constexpr uint16_t kPorts = 4;

  explicit NodeStage(std::string_view node);
  ~NodeStage();

  // The host behind a port.
  static MacAddress Host(uint16_t port) { return MacNumber(0x10U + port); }

  // Puts frames in, runs one dispatch (inputs poll once), and takes down where they went.
  void Put(Item item);
  void Dispatch();
  // Asks for a trace of whatever comes in from now on.
  void TraceAll();
  std::vector<TraceStep> TakeSteps();

  const NodeClass& node() const { return *node_; }
  const std::string& name() const { return name_; }
  const NodeCounters& node_counters() { return harness_.counters().node(node_->id); }
  const std::vector<Arrival>& arrivals() const { return state_.arrivals; }
  // Drops of all nodes: (port, node, reason) to packets, those that are not 0.
  std::map<std::tuple<uint16_t, std::string, std::string>, uint64_t> Drops();
  uint64_t DroppedTotal() const { return harness_.DroppedTotal(); }
  // The node's own counters by name.
  std::map<std::string, uint64_t> Events() const;
  // Packets that the node made: what it counts as "clones".
  uint64_t Clones() const;
  const PortCounters& port_counters(uint16_t port) {
    return harness_.counters().port(PortId(port));
  }
  PacketPool& pool() { return harness_.pool(); }
  Graph& graph() { return harness_.graph(); }
  // Frames that a container sent and got back; the container of a port that has one.
  vhost::testing::Container& container(uint16_t port) { return *containers_[port]; }

 private:
  void AddNodes();
  void AddStandIn(const NodeClass& real);
  void AddWitness(NodeSpec spec, NodeKind kind);
  void ConfigurePorts();
  void AttachContainers();
  void ReceiveFromContainers();
  void Turn();

  std::vector<std::unique_ptr<Plugin>> plugins_ = LoadPlugins();
  const std::string name_;
  StageState state_;
  const SimulatedClock clock_;  // stands still: whatever a node does is not for how long it took
  GraphHarness harness_;
  std::string directory_;
  std::unique_ptr<EveryModule> modules_;
  Config config_;
  const NodeClass* node_ = nullptr;
  Surroundings world_ = Surroundings::kMemory;
  std::vector<std::unique_ptr<PortBackend>> backends_;
  std::array<bool, kPorts> up_{};
  std::array<std::unique_ptr<vhost::testing::Container>, kPorts> containers_;
  std::deque<std::array<LabelText, 1>> labels_;  // of stand-ins whose Next is not their class's
};

}  // namespace weft::testing
