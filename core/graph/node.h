// SPDX-License-Identifier: Apache-2.0
// The base classes of nodes. A node decides what happens to packets; the loop, the counting, the
// trace and the enqueue are here and in Graph, once. One object a worker, which alone calls its
// methods, so members need no lock; the control thread makes and destroys it.
//
//   class Filter final : public Node<Filter> {
//    public:
//     static constexpr NodeSpec kSpec{.name = "filter", .help = "..."};
//     enum class Next : uint8_t { kSwitch };
//     static constexpr auto kNexts = Labels<Next>({{Next::kSwitch, "l2-switch", "what passes"}});
//     void Process(Frame& frame) {
//       ForEach(frame, [](Packet&) -> Verdict { return Next::kSwitch; });
//     }
//   };
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "core/base/labels.h"
#include "core/graph/frame.h"
#include "core/graph/graph.h"
#include "core/graph/node_class.h"
#include "core/graph/sleep_set.h"
#include "core/graph/verdict.h"

namespace weft {

class NodeBase {
 public:
  enum class NoNext : uint8_t {};
  enum class NoDrop : uint8_t {};
  enum class NoCounter : uint8_t {};
  // What a class declares in their place hides these.
  using Next = NoNext;
  using Drop = NoDrop;
  using Counter = NoCounter;

  NodeBase() = default;
  virtual ~NodeBase() = default;
  NodeBase(const NodeBase&) = delete;
  NodeBase& operator=(const NodeBase&) = delete;

 protected:
  friend class Graph;
  friend class Guard;

  // It is, from now on, the node at this place of a graph.
  virtual void Join(Graph* graph, NodeIndex index) {
    graph_ = graph;
    index_ = index;
  }
  // A frame has arrived. Every packet of it must leave by a verdict, Emit or DropAll.
  virtual void RunFrame(Frame&) {}
  // Input nodes: puts new packets into the empty frame.
  virtual void RunPoll(Frame&) {}
  // Input nodes, before the worker sleeps: see Input.
  virtual bool RunCanSleep() { return false; }
  virtual void RunPrepareSleep(SleepSet&) {}
  virtual void RunWake() {}
  // The input vector has been dispatched: publish what was written, return what was borrowed.
  virtual void RunEndDispatch() {}
  // The record of a traced packet, at most TraceStep::kRecordSize bytes.
  virtual void RunTrace(const Packet&, void*) const {}

  Graph* graph_ = nullptr;  // the worker's graph, once the node is in it
  NodeIndex index_;
};

// A node: Self is the class itself and has a method Process(Frame&).
template <typename Self>
class Node : public NodeBase {
 public:
  using Verdict = weft::Verdict<Self>;
  static constexpr NodeKind kKind = NodeKind::kPlain;

 protected:
  static constexpr Verdict Consumed() { return Verdict::FromCode(kConsumed); }

  // Asks `decide(Packet&) -> Verdict` for each packet, in order, and sends the packets where it
  // says. When all verdicts agree the frame moves as a whole.
  template <typename Decide>
  void ForEach(Frame& frame, Decide&& decide) {
    ForEach(frame, std::forward<Decide>(decide), [](Packet&) {});
  }
  // The same with a look-ahead: `prefetch(Packet&)` is called kLookAhead packets before `decide`.
  // It pays when the node reads a table much larger than the cache, and costs a tick a packet when
  // it does not.
  template <typename Decide, typename Prefetch>
  void ForEach(Frame& frame, Decide&& decide, Prefetch&& prefetch) {
    const size_t size = frame.size();
    if (size == 0) return;
    constexpr size_t kLookAhead = 4;
    const auto ask = [&](size_t i) -> VerdictCode {
      if (i + kLookAhead < size) prefetch(frame[i + kLookAhead]);
      return static_cast<weft::Verdict<Self>>(decide(frame[i])).code();
    };
    // Verdicts are written down from the first on that differs: mostly there is none.
    const VerdictCode first = ask(0);
    VerdictCode code = first;
    size_t i = 1;
    while (i < size && (code = ask(i)) == first) ++i;
    if (i == size) {
      graph_->MoveFrame(index_, frame, first);
      return;
    }
    Verdicts verdicts;
    std::fill_n(verdicts.codes.begin(), i, first);
    verdicts[i] = code;
    while (++i < size) verdicts[i] = ask(i);
    graph_->SplitFrame(index_, frame, verdicts);
  }

  // In the methods below S is Self: its enums are known only once the class is complete.

  // Sends a packet that is not in the frame at hand (a clone) to `next`.
  template <typename S = Self>
  void Emit(Packet& packet, typename S::Next next) {
    graph_->EmitPacket(index_, packet, static_cast<uint8_t>(next));
  }
  // For nodes that make more packets than they get: runs everything behind this node to completion
  // now, and takes back the packets that were cloned since `mark`. Call it every 256 clones.
  size_t CloneMark() const { return graph_->pool().taken(); }
  void RunDownstream(size_t mark) { graph_->RunDownstream(index_, mark); }
  // Another packet with the same bytes (headers and payload are shared), or null when this dispatch
  // has no more.
  Packet* Clone(const Packet& original) {
    Packet* clone = graph_->pool().Take();
    if (clone != nullptr) clone->CloneFrom(original);
    return clone;
  }

  // What time it is, for what is to be sent later. Ask once a vector, not once a packet.
  Time Now() const { return graph_->Now(); }
  // For nodes whose kSpec says `.keeps = true`. A copy of the packet, with its ports and its
  // payload, that is this node's beyond the dispatch; nothing if the worker's store is full or the
  // packet's in-port has its share of it: then drop it, by a reason of your own. The packet counts
  // as having left the node. What is not sent within 10 s is dropped by core (held-input: expired).
  template <typename S = Self>
  Owned Own(const Packet& packet) {
    static_assert(S::kSpec.keeps, "a node that owns packets says so: kSpec{..., .keeps = true}");
    return graph_->Own(packet);
  }
  // The packet, to look at or to give another out_port; null if it has been sent, or has expired.
  Packet* Kept(Owned owned) { return graph_->Kept(owned); }
  // Sends it at `when`, or in this worker's next round if that is over, as if this node had said
  // `verdict` of it then. It may lie at most 10 s ahead. The packet goes on when its time has come
  // even if this node has gone by then; what a Drop says happens at once. False if there is none
  // any more.
  bool SendAt(Owned owned, Time when, Verdict verdict) {
    return graph_->SendAt(index_, owned, when, verdict.code());
  }

  // Counts packets that this node loses by its own hand, outside ForEach; blamed on `port`.
  template <typename S = Self>
  void CountDrop(PortId port, typename S::Drop reason, uint64_t packets = 1) {
    graph_->CountDrop(index_, port, static_cast<uint8_t>(reason), packets);
  }
  template <typename S = Self>
  void Count(typename S::Counter counter, uint64_t n = 1) {
    graph_->CountEvent(index_, static_cast<uint8_t>(counter), n);
  }
  // Drops one packet of a frame by hand, with all that is told of it. For output nodes, which
  // bucket instead of using ForEach.
  template <typename S = Self>
  void DropPacket(const Packet& packet, PortId blamed, typename S::Drop reason) {
    graph_->DropPacket(index_, packet, blamed, static_cast<uint8_t>(reason));
  }

 private:
  void RunFrame(Frame& frame) final {
    if constexpr (requires(Self & self) { self.Process(frame); })
      static_cast<Self*>(this)->Process(frame);
  }
  void RunEndDispatch() final {
    if constexpr (requires(Self & self) { self.EndDispatch(); })
      static_cast<Self*>(this)->EndDispatch();
  }
  void RunTrace(const Packet& packet, void* record) const final {
    if constexpr (requires { typename Self::TraceRecord; }) {
      const typename Self::TraceRecord made = static_cast<const Self*>(this)->MakeTrace(packet);
      static_assert(sizeof(made) <= TraceStep::kRecordSize);
      std::memcpy(record, &made, sizeof(made));
    }
  }
};

// A node that brings packets into the switch: Self has Poll(Frame&), which adds at most
// frame.room() packets, and may have EndDispatch(), which is called once those packets have gone
// everywhere. They enter the arc port-input.
//
// A worker without packets sleeps if all its inputs can be woken. Self may have
//   bool CanSleep();               // every source of packets can wake the worker
//   void PrepareSleep(SleepSet&);  // asks all of them to, then looks once more whether there is
//   work void Wake();                   // the sleep is over, or was called off; Poll follows
// PrepareSleep has a full barrier between asking and looking, so that no wake-up is lost. What
// control publishes wakes the worker. Without these methods, or while CanSleep is false, the worker
// naps a little between rounds.
template <typename Self>
class Input : public Node<Self> {
 public:
  static constexpr NodeKind kKind = NodeKind::kInput;
  enum class Next : uint8_t { kPortInput };
  static constexpr auto kNexts =
      Labels<Next>({{Next::kPortInput, "port-input", "every packet that came in"}});

 protected:
  PortCounters& port_counters(PortId port) { return this->graph_->counters().port(port); }

 private:
  void RunPoll(Frame& frame) final { static_cast<Self*>(this)->Poll(frame); }
  bool RunCanSleep() final {
    if constexpr (requires(Self & self) { self.CanSleep(); }) {
      return static_cast<Self*>(this)->CanSleep();
    }
    return false;
  }
  void RunPrepareSleep(SleepSet& set) final {
    if constexpr (requires(Self & self) { self.PrepareSleep(set); })
      static_cast<Self*>(this)->PrepareSleep(set);
  }
  void RunWake() final {
    if constexpr (requires(Self & self) { self.Wake(); }) static_cast<Self*>(this)->Wake();
  }
};

// A node that takes packets out of the switch: the last of port-output for the ports of its kind.
// Self has Process(Frame&), which writes every packet to its out-port or drops it, and often
// EndDispatch(), which publishes.
template <typename Self>
class Output : public Node<Self> {
 public:
  static constexpr NodeKind kKind = NodeKind::kOutput;

 protected:
  PortCounters& port_counters(PortId port) { return this->graph_->counters().port(port); }
  // In EndDispatch, when whoever is behind `port` can see the packets: they took as long as this
  // dispatch until `now`.
  void CountLatency(PortId port, uint64_t packets, uint64_t now) {
    this->graph_->counters().latency(port).Add(now - this->graph_->dispatch_start(), packets);
  }
  // Records that the packet left by its port; counting it is port_counters' business.
  void TraceSent(const Packet& packet) {
    if (packet.traced()) this->graph_->TracePacket(this->index_, packet, kConsumed);
  }
};

// A feature hangs on an arc for the ports whose section in startup.conf has its table, which is
// read into PortConfig.
struct NoPortConfig {};
template <typename Self, typename PortConfigT = NoPortConfig>
class Feature : public Node<Self> {
 public:
  using PortConfig = PortConfigT;
  static constexpr NodeKind kKind = NodeKind::kFeature;

 protected:
  static constexpr weft::Verdict<Self> Continue() {
    return weft::Verdict<Self>::FromCode(kContinue);
  }
  // The feature's table of a port that has it: the in-port's on port-input, the out-port's on
  // port-output.
  const PortConfig& port_config(PortId port) const {
    return *static_cast<const PortConfig*>(this->graph_->feature_config(this->index_, port));
  }
};

}  // namespace weft
