// SPDX-License-Identifier: Apache-2.0
// What core knows of a node class: its declarations as data, and how to make one for a worker.
// NodeClassOf<L2Switch>(...) reads them off the class; the NodeCatalog numbers them. Control thread
// only.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/labels.h"
#include "core/graph/counters.h"
#include "core/graph/trace_field.h"

namespace weft {

class NodeBase;

// How a node class introduces itself. Names of nodes and arcs are kebab-case.
struct NodeSpec {
  std::string_view name;
  std::string_view arc =
      {};  // the feature arc that it hangs on, "port-input" or "port-output"; none for others
  std::string_view before = {};  // a node of the same arc that must come later
  std::string_view after = {};   // a node of the same arc that must come earlier
  bool last =
      false;  // it is where the arc ends: the switch for port-input, an output for port-output
  bool keeps = false;          // it keeps packets beyond their dispatch: see Node::Own
  bool returns_kept = false;   // core's own: in the graph once there was a class that keeps packets
  std::string_view help = {};  // one sentence
};

enum class NodeKind : uint8_t { kPlain, kInput, kFeature, kOutput, kArcEntry };
inline constexpr auto kNodeKinds = Labels<NodeKind>({
    {NodeKind::kPlain, "plain", "decides on every packet that reaches it"},
    {NodeKind::kInput, "input", "brings packets into the switch"},
    {NodeKind::kFeature, "feature", "decides on the packets of the ports that have its table"},
    {NodeKind::kOutput, "output", "takes packets out of the switch"},
    {NodeKind::kArcEntry, "arc entry", "splits packets by the features of their ports"},
});

struct NodeClass {
  using Factory = std::function<std::unique_ptr<NodeBase>(WorkerId)>;

  NodeSpec spec;
  NodeKind kind = NodeKind::kPlain;
  std::span<const LabelText> nexts;  // a label's name is the node or arc that it leads to
  std::span<const LabelText> drops;
  std::span<const LabelText> counters;
  std::span<const TraceField> trace;
  bool ends_dispatch = false;  // it has an EndDispatch()
  Factory make;
  // One for dry runs, which change nothing that others see; null if `make` makes such ones anyway.
  Factory make_dry;

  // Given by the catalog.
  NodeId id;
  uint16_t first_drop = 0;
  uint16_t first_counter = 0;
  uint64_t serial = 0;       // of this registration; no other ever has it
  uint16_t name_number = 0;  // of its name, for ever; 0 is no name's
};

// Reads what N declares; `make` builds one N for a worker. A declared enum without its table does
// not compile.
template <typename N>
NodeClass NodeClassOf(NodeClass::Factory make, NodeClass::Factory make_dry = nullptr) {
  NodeClass c;
  c.spec = N::kSpec;
  c.kind = N::kKind;
  if constexpr (!std::is_same_v<typename N::Next, typename N::NoNext>) c.nexts = N::kNexts.span();
  if constexpr (!std::is_same_v<typename N::Drop, typename N::NoDrop>) c.drops = N::kDrops.span();
  if constexpr (!std::is_same_v<typename N::Counter, typename N::NoCounter>)
    c.counters = N::kCounters.span();
  if constexpr (requires { N::kTrace; }) c.trace = N::kTrace;
  c.ends_dispatch = requires(N & n) { n.EndDispatch(); };
  c.make = std::move(make);
  c.make_dry = std::move(make_dry);
  return c;
}

// The numbers of a class that has been removed, which workers may still count with.
struct RetiredNumbers {
  uint64_t serial = 0;  // of the removal
  std::string name;
  NodeId id;
  uint16_t first_drop = 0, drops = 0;
  uint16_t first_counter = 0, counters = 0;
  std::string labels;  // the names of drops and counters
};

// A copy can be changed and tried; what it numbers does not collide with what the original has.
class NodeCatalog {
 public:
  // Numbers a class and keeps it. A class of the same name and with the same labels as one that was
  // removed gets its numbers, unless those have been released: it counts on. Errors: a name that is
  // taken, or more nodes, drops or counters than there is room for.
  absl::StatusOr<NodeId> Add(NodeClass node);
  // Forgets a class. Its numbers stay taken until they are released. Nothing if there is none.
  void Remove(std::string_view name);
  // What Remove has left since the revision: numbers that nobody has taken over.
  std::vector<RetiredNumbers> RetiredSince(uint64_t revision) const;
  // No worker counts with them any more. Returns whether they were still retired.
  bool Release(const RetiredNumbers& numbers);

  const std::vector<NodeClass>& nodes() const { return nodes_; }
  // One without labels, called "gone", if there is none of that number (any more).
  const NodeClass& node(NodeId id) const;
  // Null if there is none of that name.
  const NodeClass* Find(std::string_view name) const;
  // All numbers of drops that were ever given are below.
  size_t drop_count() const { return drop_count_; }
  // Whether there ever was a class that keeps packets.
  bool keeps() const { return keeps_; }
  // Counts up with every change.
  uint64_t revision() const { return revision_; }

 private:
  static NodeClass Gone();
  bool Number(NodeClass& node) const;

  std::vector<NodeClass> nodes_;
  std::vector<RetiredNumbers> retired_;
  NodeClass gone_ = Gone();
  std::vector<std::string> names_;  // that there ever were, by their number - 1
  bool keeps_ = false;
  size_t drop_count_ = 0;
  uint64_t revision_ = 0;
  uint16_t last_id_ = kMaxNodes - 1;
};

}  // namespace weft
