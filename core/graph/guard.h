// SPDX-License-Identifier: Apache-2.0
// Stands in the graph in the place of a plugin's node and holds it to the rules: every packet of a
// frame leaves by a verdict that there is, or by the node's own hand; nothing is thrown; and a
// frame takes no longer than it may. What that costs is a vector's, not a packet's, and nodes that
// are not a plugin's have no guard at all.
//
// Who breaks a rule is out of the graph at once, on every worker: its packets go on as if it was
// not there, are dropped, or weftd ends, as the operator has chosen.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/graph/fault.h"
#include "core/graph/node.h"

namespace weft {

// What the guards of one class share, on all workers, and control looks at.
struct GuardState {
  std::string plugin, node;
  bool delivers = false;  // it is an output: its ports count what leaves
  OnFault on_fault = OnFault::kBypass;
  uint64_t cycles_per_packet = 0;  // of budget; 0: no budget
  uint64_t cycles_per_frame = 0;   // on top of that
  bool left_out = false;           // the node never runs; set before it could
  bool told = false;               // control's: there is an event of the fault
  // The first fault, which there is none after: from then on the node gets nothing.
  std::atomic<Fault> fault{Fault::kNone};
};

class Guard final : public NodeBase {
 public:
  // The last of the class's drop reasons is for what the guard drops.
  Guard(std::unique_ptr<NodeBase> node, std::shared_ptr<GuardState> state)
      : node_(std::move(node)), state_(std::move(state)) {}

  const GuardState& state() const { return *state_; }

  // Vectors in a row that take too long are a fault: the kernel may have taken the core away for
  // one or two.
  static constexpr unsigned kStrikes = 16;

 private:
  friend class Graph;
  class AtWork;

  void Join(Graph* graph, NodeIndex index) override;
  void RunFrame(Frame& frame) override;
  void RunPoll(Frame& frame) override;
  bool RunCanSleep() override;
  void RunPrepareSleep(SleepSet& set) override;
  void RunWake() override;
  void RunEndDispatch() override;
  void RunTrace(const Packet& packet, void* record) const override;

  bool is_out() const {
    return state_->left_out || state_->fault.load(std::memory_order_relaxed) != Fault::kNone;
  }
  // The verdict that stands in for one that there is not, or for that of a node that is out.
  VerdictCode Instead() const;
  void Break(Fault fault);

  const std::unique_ptr<NodeBase> node_;
  const std::shared_ptr<GuardState> state_;
  unsigned strikes_ = 0;
};

}  // namespace weft
