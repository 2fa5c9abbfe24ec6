// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/text.h"

namespace weft {
namespace {

constexpr std::array<std::string_view, kArcs> kArcNames = {"port-input", "port-output"};

// The nodes of the catalog as a graph of names, before it has an order.
class Wiring {
 public:
  explicit Wiring(const NodeCatalog& catalog) : catalog_(catalog) {
    for (const NodeClass& node : catalog.nodes()) edges_[std::string(node.spec.name)];
  }

  absl::Status Connect();
  // Topological, and by registration among equals; an error as of Cycle.
  absl::StatusOr<std::vector<const NodeClass*>> Order() const;

 private:
  absl::Status ConnectFeature(const NodeClass& node);
  absl::Status ConnectNexts(const NodeClass& node);
  absl::Status CheckArcs() const;
  // An error that names the nodes of a cycle and what each wants of the next; there is one among
  // those that are not `done`.
  absl::Status Cycle(const std::set<std::string>& done) const;
  std::string WhyFirst(const std::string& from, const std::string& to) const;
  const NodeClass* OnArc(std::string_view name, std::string_view arc) const {
    const NodeClass* node = catalog_.Find(name);
    return node != nullptr && node->spec.arc == arc ? node : nullptr;
  }
  void AddEdge(std::string_view from, std::string_view to) {
    edges_[std::string(from)].emplace(to);
  }

  const NodeCatalog& catalog_;
  std::map<std::string, std::set<std::string>> edges_;
};

bool IsArcName(std::string_view name) {
  return std::find(kArcNames.begin(), kArcNames.end(), name) != kArcNames.end();
}

absl::Status Wiring::Connect() {
  if (absl::Status status = CheckArcs(); !status.ok()) return status;
  for (const NodeClass& node : catalog_.nodes()) {
    if (absl::Status status = ConnectNexts(node); !status.ok()) return status;
    if (node.spec.arc.empty()) continue;
    if (absl::Status status = ConnectFeature(node); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Wiring::CheckArcs() const {
  for (const std::string_view arc : kArcNames) {
    const auto ends = std::count_if(
        catalog_.nodes().begin(), catalog_.nodes().end(),
        [&](const NodeClass& node) { return node.spec.arc == arc && node.spec.last; });
    if (ends == 0) return absl::FailedPreconditionError(Cat("no node ends the arc ", arc));
    if (arc == ArcName(Arc::kPortInput) && ends > 1) {
      return absl::FailedPreconditionError(Cat(ends, " nodes want to end the arc ", arc));
    }
    const NodeClass* entry = catalog_.Find(arc);
    if (entry == nullptr || entry->kind != NodeKind::kArcEntry) {
      return absl::FailedPreconditionError(Cat("the entry of the arc ", arc, " is not registered"));
    }
  }
  return absl::OkStatus();
}

absl::Status Wiring::ConnectNexts(const NodeClass& node) {
  for (const LabelText& next : node.nexts) {
    const NodeClass* target = catalog_.Find(next.name);
    if (target == nullptr) {
      return absl::NotFoundError(
          Cat("node \"", node.spec.name, "\": its next \"", next.name, "\" is no node and no arc"));
    }
    // A feature works on the ports that have it, and only its arc knows those.
    if (target->kind == NodeKind::kFeature || target->kind == NodeKind::kInput) {
      return absl::FailedPreconditionError(
          Cat("node \"", node.spec.name, "\": its next \"", next.name, "\" is ",
              target->kind == NodeKind::kInput
                  ? "an input, which takes no packets"
                  : Cat("a feature, which packets reach by the arc ", target->spec.arc, " alone")));
    }
    AddEdge(node.spec.name, next.name);
  }
  return absl::OkStatus();
}

absl::Status Wiring::ConnectFeature(const NodeClass& node) {
  const NodeSpec& spec = node.spec;
  if (!IsArcName(spec.arc)) {
    return absl::NotFoundError(Cat("node \"", spec.name, "\": there is no arc \"", spec.arc,
                                   "\" (there are ", Join(kArcNames, " and "), ")"));
  }
  AddEdge(spec.arc, spec.name);
  if (spec.last) return absl::OkStatus();
  for (const NodeClass& other : catalog_.nodes()) {
    if (other.spec.arc == spec.arc && other.spec.last) AddEdge(spec.name, other.spec.name);
  }
  for (const std::string_view neighbour : {spec.before, spec.after}) {
    if (!neighbour.empty() && OnArc(neighbour, spec.arc) == nullptr) {
      return absl::NotFoundError(Cat("node \"", spec.name, "\" wants to be ",
                                     neighbour == spec.before ? "before" : "after", " \"",
                                     neighbour, "\", which is not on the arc ", spec.arc));
    }
  }
  if (!spec.before.empty()) AddEdge(spec.name, spec.before);
  if (!spec.after.empty()) AddEdge(spec.after, spec.name);
  return absl::OkStatus();
}

std::string Wiring::WhyFirst(const std::string& from, const std::string& to) const {
  if (catalog_.Find(from)->spec.before == to)
    return Cat("\"", from, "\" wants to be before \"", to, "\"");
  if (catalog_.Find(to)->spec.after == from)
    return Cat("\"", to, "\" wants to be after \"", from, "\"");
  return Cat("packets go from \"", from, "\" to \"", to, "\"");
}

absl::Status Wiring::Cycle(const std::set<std::string>& done) const {
  const auto is_left = [&](const auto& edge) { return !done.contains(edge.first); };
  // Each that is left waits for another that is left: whoever walks back comes round.
  std::vector<std::string> way = {std::find_if(edges_.begin(), edges_.end(), is_left)->first};
  auto again = way.end();
  while (again == way.end()) {
    const auto before = std::find_if(edges_.begin(), edges_.end(), [&](const auto& edge) {
      return is_left(edge) && edge.second.contains(way.back());
    });
    again = std::find(way.begin(), way.end(), before->first);
    if (again == way.end()) {
      way.push_back(before->first);
      again = way.end();
    }
  }
  way.erase(way.begin(), again);
  std::reverse(way.begin(), way.end());
  std::vector<std::string> reasons;
  for (size_t i = 0; i < way.size(); ++i)
    reasons.push_back(WhyFirst(way[i], way[(i + 1) % way.size()]));
  return absl::FailedPreconditionError(Cat("the graph has a cycle: ", Join(reasons, ", and ")));
}

absl::StatusOr<std::vector<const NodeClass*>> Wiring::Order() const {
  std::map<std::string, size_t> incoming;
  for (const auto& [from, targets] : edges_) {
    incoming.try_emplace(from, 0);
    for (const std::string& to : targets) ++incoming[to];
  }
  std::vector<const NodeClass*> order;
  std::set<std::string> done;
  while (order.size() < catalog_.nodes().size()) {
    const auto ready =
        std::find_if(catalog_.nodes().begin(), catalog_.nodes().end(), [&](const NodeClass& node) {
          const std::string name(node.spec.name);
          return incoming[name] == 0 && !done.contains(name);
        });
    if (ready == catalog_.nodes().end()) {
      return Cycle(done);
    }
    order.push_back(&*ready);
    done.emplace(ready->spec.name);
    for (const std::string& to : edges_.at(std::string(ready->spec.name))) --incoming[to];
  }
  return order;
}

}  // namespace

std::string_view ArcName(Arc arc) { return kArcNames[static_cast<size_t>(arc)]; }

NodeIndex GraphPlan::Find(std::string_view name) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].node_class.spec.name == name) return NodeIndex(static_cast<uint16_t>(i));
  }
  return NodeIndex();
}

std::shared_ptr<const GraphPlan> GraphPlan::WithNodes(
    const std::function<NodeClass::Factory(const NodeClass&)>& make) const {
  const std::shared_ptr<GraphPlan> plan(new GraphPlan(*this));
  for (PlanNode& node : plan->nodes_) node.node_class.make = make(node.node_class);
  return plan;
}

absl::StatusOr<std::shared_ptr<const GraphPlan>> GraphPlan::Build(const NodeCatalog& catalog) {
  Wiring wiring(catalog);
  if (absl::Status status = wiring.Connect(); !status.ok()) return status;
  const absl::StatusOr<std::vector<const NodeClass*>> order = wiring.Order();
  if (!order.ok()) return order.status();

  const std::shared_ptr<GraphPlan> plan(new GraphPlan());
  plan->number_ = catalog.revision();
  plan->keeps_ = catalog.keeps();
  for (const NodeClass* node : *order) {
    if (plan->keeps_ || !node->spec.returns_kept)
      plan->nodes_.push_back({.node_class = *node, .nexts = {}});
  }
  for (size_t a = 0; a < kArcs; ++a) plan->arcs_[a].entry = plan->Find(kArcNames[a]);
  for (size_t i = 0; i < plan->nodes_.size(); ++i) {
    PlanNode& node = plan->nodes_[i];
    const NodeIndex index(static_cast<uint16_t>(i));
    for (const LabelText& next : node.node_class.nexts) {
      PlanTarget target{.node = plan->Find(next.name)};
      const auto arc = std::find(kArcNames.begin(), kArcNames.end(), next.name);
      target.is_arc = arc != kArcNames.end();
      if (target.is_arc) target.arc = static_cast<Arc>(arc - kArcNames.begin());
      node.nexts.push_back(target);
    }
    if (node.node_class.spec.arc.empty()) continue;
    node.on_arc = true;
    node.arc = node.node_class.spec.arc == kArcNames[0] ? Arc::kPortInput : Arc::kPortOutput;
    PlanArc& arc = plan->arcs_[static_cast<size_t>(node.arc)];
    (node.node_class.spec.last ? arc.ends : arc.features).push_back(index);
  }
  return plan;
}

}  // namespace weft
