// SPDX-License-Identifier: Apache-2.0
// One worker's instance of the graph: the node objects, the frames between them, and the loop that
// runs an input vector to completion. Nodes run in topological order, so each gets the packets of
// all its predecessors in as few frames as possible. Worker thread only, but for what says
// otherwise.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/clock.h"
#include "core/base/rcu.h"
#include "core/graph/arc_tables.h"
#include "core/graph/arc_target.h"
#include "core/graph/counters.h"
#include "core/graph/drop_log.h"
#include "core/graph/frame.h"
#include "core/graph/graph_plan.h"
#include "core/graph/held_packets.h"
#include "core/graph/layout.h"
#include "core/graph/place_set.h"
#include "core/graph/sleep_set.h"
#include "core/graph/trace_ring.h"
#include "core/graph/verdict.h"
#include "core/graph/watch.h"
#include "core/packet/packet_pool.h"

namespace weft {

class Guard;
class NodeBase;

class Graph {
 public:
  // Makes the plan's nodes for `worker`. Everything by reference must outlive the graph; `tables`
  // is loaded once a round, before the first input is polled. If those are of another plan they
  // bring this worker's layout of it.
  Graph(std::shared_ptr<const GraphPlan> plan, WorkerId worker, const Published<ArcTables>& tables,
        PacketPool& pool, WorkerCounters& counters);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Polls every input node once; each vector that comes in is run to completion. Returns the number
  // of packets.
  size_t PollInputs();

  // Control: the nodes of another plan for this worker. Classes that the graph has already keep
  // their objects; the others' are made here, and what their constructors throw is the caller's.
  struct Change {
    std::shared_ptr<const GraphPlan> plan;
    std::vector<std::shared_ptr<NodeBase>> nodes;  // by NodeIndex
    std::unique_ptr<Layout> layout;                // for the tables of that plan
    std::shared_ptr<HeldPackets> held;             // null: no node of it keeps packets
  };
  Change Prepare(std::shared_ptr<const GraphPlan> plan) const;
  // Control: tables with the change's layout are about to be published. Returns what there was
  // before, which the worker may use until it has been quiescent.
  Change Adopt(Change change);

  // Before the worker sleeps, and after it: see Input in core/graph/node.h. Each first looks at
  // what was published, for a node of the plan before may be gone.
  bool CanSleep();
  void PrepareSleep(SleepSet& set);
  void Wake();

  // What the base classes of nodes call; see there.
  void MoveFrame(NodeIndex from, Frame& frame, VerdictCode verdict);
  void SplitFrame(NodeIndex from, Frame& frame, const Verdicts& verdicts);
  void EmitPacket(NodeIndex from, Packet& packet, uint8_t next);
  void RunDownstream(NodeIndex from, size_t pool_mark);
  void CountDrop(NodeIndex from, PortId port, uint8_t reason, uint64_t packets) {
    const auto drop = static_cast<uint16_t>(layout_.slots[from.value()].first_drop + reason);
    counters_.drop(port, drop).Add(packets);
    LogDrop(port, drop, packets);
    by_hand_ += packets;
  }
  void DropPacket(NodeIndex from, const Packet& packet, PortId blamed, uint8_t reason);
  void CountEvent(NodeIndex from, uint8_t counter, uint64_t n) {
    counters_.counter(layout_.slots[from.value()].first_counter + counter).Add(n);
  }
  void TracePacket(NodeIndex from, const Packet& packet, VerdictCode verdict);
  const void* feature_config(NodeIndex from, PortId port) const {
    return tables_->feature_config(layout_.slots[from.value()].id, port);
  }
  // TSC of the moment before the packets of this dispatch were looked for.
  uint64_t dispatch_start() const { return dispatch_start_; }
  // For arc entries: the chain of a port, and which node its frames go to. Moves `frame` chain by
  // chain.
  void EnterArc(NodeIndex from, Frame& frame, Arc arc, uint8_t drop_reason);
  // For nodes that put packets where no Next of theirs leads: these are of one in-port and one
  // out-port, and go on from there by the node's own hand. False, and nothing has happened, if the
  // target is not there (any more), or not on the chain of their port.
  bool Enter(NodeIndex from, std::span<Packet* const> packets, const ArcTarget& target);

  // For nodes that keep packets: see Node::Own.
  Owned Own(const Packet& packet);
  Packet* Kept(Owned owned);
  bool SendAt(NodeIndex from, Owned owned, Time when, VerdictCode verdict);
  // For the nodes that bring them back: hands the packet to whom it was sent to.
  enum class Resumed : uint8_t { kSent, kPortGone, kNodeGone };
  Resumed Resume(NodeIndex from, Packet& packet);
  // When the next of them is due; Time::max() if there is none.
  Time NextDue() const;
  // The worker's; null if no class of nodes ever kept packets. Its counts are any thread's.
  HeldPackets* held() { return layout_.held; }
  // Control: the same.
  const HeldPackets* held_packets() const { return held_.get(); }

  // What time it is. Costs some 20 ns: ask once a vector.
  Time Now() const { return clock_->Now(); }
  // Before the first round: it is this clock that says so, and not the machine's.
  void UseClock(const Clock& clock) { clock_ = &clock; }

  PacketPool& pool() { return pool_; }
  WorkerCounters& counters() { return counters_; }
  TraceRing& trace_ring() { return trace_ring_; }        // its reading side is control's
  const DropLog& drop_log() const { return drop_log_; }  // its reading side is any thread's
  // Control: what to show of packets from now on; null: nothing.
  void SetWatch(Rcu& rcu, std::unique_ptr<const Watch> watch);
  const GraphPlan& plan() const { return *plan_; }  // control's
  WorkerId worker() const { return worker_; }
  // The node object at a place of the plan; for tests.
  NodeBase& node(NodeIndex index) { return *nodes_[index.value()]; }

  // The guard of the plugin's node that the worker is in; null: none. Any thread.
  const Guard* at_work() const { return at_work_.load(std::memory_order_relaxed); }

 private:
  friend class Guard;
  using Slot = Layout::Slot;
  using Chains = std::array<ChainId, kArcs>;
  struct Exit {  // where a verdict leads: a node and the chains that the frame has there
    NodeIndex node;
    Chains chains;
    bool operator==(const Exit&) const = default;
  };

  struct Way {  // which packets of a frame that is split leave by an exit
    Exit exit;
    PlaceSet places;
  };

  std::shared_ptr<NodeBase> ObjectOf(const NodeClass& node_class) const;
  void LoadTables();
  void SwapLayout();
  void TellNodes();
  NodeIndex Resolve(const Slot& slot, Chains& chains, VerdictCode verdict) const;
  template <typename ResolveCode, typename JudgeCode>
  void Scatter(const Slot& slot, Frame& frame, const Verdicts& verdicts, ResolveCode&& resolve,
               JudgeCode&& judge);
  NodeIndex FindNamed(uint16_t name) const;
  ChainId ChainOf(Arc arc, const Packet& packet) const;
  Exit ExitTo(const ArcTarget& target, const Packet& packet) const;
  void Hand(NodeIndex from, Packet& packet, const Exit& exit);
  NodeIndex FollowerOf(const HeldRoute& route, ChainId chain) const;
  Guard* TakeDecision(Frame& frame);
  static VerdictCode Judge(const Slot& slot, Guard* guard, VerdictCode verdict);
  Frame* NewFrame();
  void FreeFrame(Frame* frame);
  // Hands a frame to a node, in the frame that waits there already if it has room.
  void Enqueue(const Slot& from, NodeIndex node, Frame* frame);
  // The same, always as a frame of its own.
  void Append(NodeIndex node, Frame* frame);
  Frame* OpenFrame(const Exit& exit, size_t room);
  void DropPackets(const Slot& slot, Packet* const* packets, size_t count, uint8_t reason);
  void LogDrop(PortId blamed, uint16_t drop, uint64_t packets);
  void LogDrop(PortId blamed, uint16_t drop, const Packet& packet);
  void RunPending(size_t first);
  size_t NextPending(size_t first) const;
  void Charge(const Slot& slot);
  void StartWatching(const Slot& input, Frame& frame);
  void StartTraces(Frame& frame);
  void Capture(const Slot& slot, const Packet& packet, VerdictCode verdict);
  void TraceFrame(NodeIndex from, const Frame& frame, const VerdictCode* verdicts, VerdictCode all);
  void Dispatch(NodeIndex input, Frame* frame);

  std::shared_ptr<const GraphPlan> plan_;         // control's, as are the objects
  std::vector<std::shared_ptr<NodeBase>> nodes_;  // by NodeIndex
  std::shared_ptr<HeldPackets> held_;             // control's too: layout_ has the worker's
  const WorkerId worker_;
  const MonotonicClock machine_clock_;
  const Clock* clock_ = &machine_clock_;
  const Published<ArcTables>& published_tables_;
  const ArcTables* tables_ = nullptr;  // of this round
  const SplitSteps split_ = SplitSteps::Best();
  PacketPool& pool_;
  WorkerCounters& counters_;
  Layout layout_;
  std::array<uint64_t, kMaxNodes / 64> pending_{};  // bit i: slot i has frames waiting
  std::unique_ptr<Frame[]> frames_;
  Frame* free_frames_ = nullptr;
  uint64_t charged_until_ = 0;  // TSC up to which cycles are charged to nodes
  uint64_t dispatch_start_ = 0;
  std::array<Way, Frame::kCapacity> ways_;  // of the frame that is being split
  Frame* running_ = nullptr;  // the frame whose node is at work, until it moves on as a whole
  size_t by_hand_ = 0;        // packets that nodes emitted or dropped by themselves, ever
  size_t decided_ = 0;        // of the frame that a plugin's node has
  std::atomic<Guard*> at_work_{nullptr};
  DropLog drop_log_;
  TraceRing trace_ring_;
  Published<Watch> watch_;
  const Watch* watching_ = nullptr;        // of this round; mostly there is none
  const std::unique_ptr<uint8_t[]> seen_;  // the first bytes of a packet that somebody watches
  uint32_t trace_request_ = 0;             // number of the one that traces_left_ is of
  uint32_t traces_left_ = 0;
  uint16_t last_trace_ = 0;
};

}  // namespace weft
