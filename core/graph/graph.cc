// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/base/clock.h"
#include "core/graph/node.h"

namespace weft {
namespace {

// Each frame that waits holds a packet, and a dispatch has at most one vector and one chunk of
// clones for each node that clones; there are more frames than that.
constexpr size_t kFrames = 2048;

[[noreturn]] void OutOfFrames() {
  std::fputs(
      "weft: a worker's graph ran out of frames: a node emits more than a chunk between two "
      "RunDownstream\n",
      stderr);
  std::abort();
}

}  // namespace

Graph::Graph(std::shared_ptr<const GraphPlan> plan, WorkerId worker,
             const Published<ArcTables>& tables, PacketPool& pool, WorkerCounters& counters)
    : plan_(std::move(plan)),
      worker_(worker),
      published_tables_(tables),
      pool_(pool),
      counters_(counters),
      slots_(plan_->nodes().size()),
      frames_(std::make_unique<Frame[]>(kFrames)),
      seen_(std::make_unique<uint8_t[]>(kMaxSnapLength)) {
  for (size_t i = kFrames; i-- > 0;) FreeFrame(&frames_[i]);
  for (size_t i = 0; i < slots_.size(); ++i) {
    const PlanNode& planned = plan_->nodes()[i];
    const NodeClass& node_class = planned.node_class;
    const NodeIndex index(static_cast<uint16_t>(i));
    nodes_.push_back(node_class.make(worker));
    NodeBase* node = nodes_.back().get();
    node->graph_ = this;
    node->index_ = index;
    Slot& slot = slots_[i];
    slot.node = node;
    slot.counters = &counters_.node(node_class.id);
    slot.nexts = planned.nexts.data();
    slot.arcs = counters_.arcs_from(node_class.id);
    slot.id = node_class.id;
    slot.first_drop = node_class.first_drop;
    slot.first_counter = node_class.first_counter;
    slot.arc = planned.arc;
    slot.is_feature = node_class.kind == NodeKind::kFeature;
    slot.ends_arc = planned.on_arc && node_class.spec.last;
    slot.blames_receiver = (planned.on_arc && planned.arc == Arc::kPortOutput) ||
                           index == plan_->arc(Arc::kPortOutput).entry;
    if (node_class.kind == NodeKind::kInput) {
      inputs_.push_back(index);
    } else if (node_class.ends_dispatch) {
      dispatch_enders_.push_back(node);
    }
  }
}

Graph::~Graph() = default;

size_t Graph::PollInputs() {
  tables_ = published_tables_.Load();
  watching_ = watch_.Load();
  counters_.polls.Add();
  if (tables_ == nullptr) return 0;
  size_t packets = 0;
  for (const NodeIndex input : inputs_) {
    dispatch_start_ = charged_until_ = Cycles();
    NodeBase* node = slots_[input.value()].node;
    Frame* frame = NewFrame();
    node->RunPoll(*frame);
    if (frame->empty()) {
      FreeFrame(frame);
      node->RunEndDispatch();  // what it refused must be returned too
      pool_.EndDispatch();
      continue;
    }
    packets += frame->size();
    Dispatch(input, frame);
  }
  return packets;
}

bool Graph::CanSleep() {
  return std::all_of(inputs_.begin(), inputs_.end(),
                     [this](NodeIndex input) { return slots_[input.value()].node->RunCanSleep(); });
}

void Graph::PrepareSleep(SleepSet& set) {
  for (const NodeIndex input : inputs_) {
    if (!set.awake()) slots_[input.value()].node->RunPrepareSleep(set);
  }
}

void Graph::Wake() {
  for (const NodeIndex input : inputs_) slots_[input.value()].node->RunWake();
}

void Graph::Dispatch(NodeIndex input, Frame* frame) {
  const uint64_t start = charged_until_;
  Slot& slot = slots_[input.value()];
  slot.counters->calls.Add();
  slot.counters->packets.Add(frame->size());
  counters_.vectors[static_cast<size_t>(std::bit_width(frame->size() - 1))].Add();
  if (watching_ != nullptr) [[unlikely]] {
    StartWatching(slot, *frame);
  }
  if (frame->traced()) TraceFrame(input, *frame, nullptr, 0);
  Enqueue(slot, Resolve(slot, frame->chains_, 0), frame);
  Charge(slot);
  RunPending(0);
  for (NodeBase* node : dispatch_enders_) {
    node->RunEndDispatch();
    Charge(slots_[node->index_.value()]);
  }
  slot.node->RunEndDispatch();
  if (pool_.taken() > counters_.most_packets.value()) counters_.most_packets.Set(pool_.taken());
  pool_.EndDispatch();
  Charge(slot);
  counters_.dispatches.Add();
  counters_.busy_cycles.Add(charged_until_ - start);
}

void Graph::Charge(const Slot& slot) {
  const uint64_t now = Cycles();
  slot.counters->cycles.Add(now - charged_until_);
  charged_until_ = now;
}

size_t Graph::NextPending(size_t first) const {
  uint64_t mask = ~uint64_t{0} << (first % 64);
  for (size_t word = first / 64; word < pending_.size(); ++word, mask = ~uint64_t{0}) {
    const uint64_t bits = pending_[word] & mask;
    if (bits != 0) return word * 64 + static_cast<size_t>(std::countr_zero(bits));
  }
  return kMaxNodes;
}

void Graph::RunPending(size_t first) {
  Frame* const outer = running_;
  for (size_t i = NextPending(first); i < kMaxNodes; i = NextPending(first)) {
    Slot& slot = slots_[i];
    Frame* frame = slot.head;
    slot.head = frame->next_;
    if (slot.head == nullptr) {
      slot.tail = nullptr;
      pending_[i / 64] &= ~(uint64_t{1} << (i % 64));
    }
    slot.counters->calls.Add();
    slot.counters->packets.Add(frame->size());
    if (watching_ != nullptr) [[unlikely]] {
      if (watching_->trace != nullptr && watching_->trace->node == slot.id) StartTraces(*frame);
    }
    running_ = frame;
    slot.node->RunFrame(*frame);
    if (running_ != nullptr) FreeFrame(frame);
    Charge(slot);
  }
  running_ = outer;
}

void Graph::RunDownstream(NodeIndex from, size_t pool_mark) {
  Charge(slots_[from.value()]);
  RunPending(from.value() + size_t{1});
  pool_.RewindTo(pool_mark);
}

// The node that a verdict leads to from one that has packets of these chains, which become those
// that the packets have there. Mostly they stay, hence nothing is copied.
[[gnu::always_inline]] inline NodeIndex Graph::Resolve(const Slot& slot, Chains& chains,
                                                       VerdictCode verdict) const {
  ChainId& chain = chains[static_cast<size_t>(slot.arc)];
  if (verdict == kContinue) {
    const ArcTables::OneArc& arc = tables_->arc(slot.arc);
    const auto self = static_cast<size_t>(&slot - slots_.data());
    const NodeIndex node = arc.following[self][chain.value()];
    if (slots_[node.value()].ends_arc) chain = ChainId();
    return node;
  }
  // Whoever leaves by a Next of its own leaves the chain too.
  if (slot.is_feature) chain = ChainId();
  const PlanTarget& target = slot.nexts[verdict];
  if (target.is_arc) {
    const ArcTables::OneArc& arc = tables_->arc(target.arc);
    if (arc.trivial) return arc.direct;
  }
  return target.node;
}

void Graph::MoveFrame(NodeIndex from, Frame& frame, VerdictCode verdict) {
  const Slot& slot = slots_[from.value()];
  if (frame.traced()) [[unlikely]] {
    TraceFrame(from, frame, nullptr, verdict);
  }
  if (verdict == kConsumed) return;
  if (IsDrop(verdict)) {
    DropPackets(slot, frame.begin(), frame.size(), static_cast<uint8_t>(verdict - kFirstDrop));
    return;
  }
  running_ = nullptr;
  Enqueue(slot, Resolve(slot, frame.chains_, verdict), &frame);
}

void Graph::SplitFrame(NodeIndex from, Frame& frame, const Verdicts& verdicts) {
  const Slot& slot = slots_[from.value()];
  if (frame.traced()) [[unlikely]] {
    TraceFrame(from, frame, verdicts.codes.data(), 0);
  }
  Scatter(slot, frame, verdicts, [&](VerdictCode code) {
    Exit exit{NodeIndex(), frame.chains_};
    exit.node = Resolve(slot, exit.chains, code);
    return exit;
  });
}

void Graph::EnterArc(NodeIndex from, Frame& frame, Arc arc, uint8_t drop_reason) {
  if (frame.empty()) return;
  const Slot& slot = slots_[from.value()];
  const ArcTables::OneArc& table = tables_->arc(arc);
  Verdicts chains;
  VerdictCode differ = 0;
  for (size_t i = 0; i < frame.size(); ++i) {
    const PortId port = arc == Arc::kPortInput ? frame[i].in_port() : frame[i].out_port();
    const ChainId chain =
        port.value() < kMaxPorts ? table.chain_of[port.value()] : ArcTables::kNoChain;
    chains[i] = chain.valid() ? chain.value() : static_cast<VerdictCode>(kFirstDrop + drop_reason);
    differ = static_cast<VerdictCode>(differ | (chains[i] ^ chains[0]));
  }
  const auto resolve = [&](VerdictCode code) {
    Exit exit{table.first[code], frame.chains_};
    const bool over = slots_[exit.node.value()].ends_arc;
    exit.chains[static_cast<size_t>(arc)] = over ? ChainId() : ChainId(code);
    return exit;
  };
  if (frame.traced()) [[unlikely]] {
    // Chains look like Nexts here, and the entry has one way on as far as a reader is concerned.
    std::array<VerdictCode, Frame::kCapacity> shown{};
    for (size_t i = 0; i < frame.size(); ++i) shown[i] = IsDrop(chains[i]) ? chains[i] : kContinue;
    TraceFrame(from, frame, shown.data(), 0);
  }
  if (differ != 0 || IsDrop(chains[0])) {
    Scatter(slot, frame, chains, resolve);
    return;
  }
  const Exit exit = resolve(chains[0]);
  frame.chains_ = exit.chains;
  running_ = nullptr;
  Enqueue(slot, exit.node, &frame);
}

// Distributes the frame's packets by their verdicts, one set of places for each node that some of
// them go to.
template <typename ResolveCode>
void Graph::Scatter(const Slot& slot, Frame& frame, const Verdicts& verdicts,
                    ResolveCode&& resolve) {
  size_t way_count = 0;
  PlaceSet rest = PlaceSet::UpTo(frame.size());
  for (size_t place = rest.Lowest(); place < Frame::kCapacity; place = rest.Lowest()) {
    const VerdictCode code = verdicts[place];
    const PlaceSet places = split_.match(verdicts, code, rest);
    rest.Remove(places);
    if (code == kConsumed) continue;
    if (IsDrop(code)) {
      std::array<Packet*, Frame::kCapacity> lost;
      split_.gather(lost.data(), frame.begin(), places);
      DropPackets(slot, lost.data(), places.size(), static_cast<uint8_t>(code - kFirstDrop));
      continue;
    }
    const Exit exit = resolve(code);
    size_t w = 0;  // two Nexts may lead to one node, and their packets keep their order
    while (w < way_count && !(ways_[w].exit == exit)) ++w;
    if (w < way_count) {
      ways_[w].places.Add(places);
    } else {
      ways_[way_count++] = {exit, places};
    }
  }
  for (size_t w = 0; w < way_count; ++w) {
    const size_t count = ways_[w].places.size();
    slot.arcs[slots_[ways_[w].exit.node.value()].id.value()].Add(count);
    Frame* const to = OpenFrame(ways_[w].exit, count);
    split_.gather(to->end(), frame.begin(), ways_[w].places);
    to->set_size(to->size() + count);
    to->traced_ |= frame.traced_;
  }
}

void Graph::EmitPacket(NodeIndex from, Packet& packet, uint8_t next) {
  const Slot& slot = slots_[from.value()];
  // A Next leaves the node's chain, and outside of an arc there is none.
  Exit exit{NodeIndex(), {}};
  exit.node = Resolve(slot, exit.chains, next);
  slot.arcs[slots_[exit.node.value()].id.value()].Add();
  Frame* frame = OpenFrame(exit, 1);
  frame->Push(&packet);
  frame->traced_ |= packet.traced();
}

Frame* Graph::NewFrame() {
  Frame* frame = free_frames_;
  if (frame == nullptr) [[unlikely]] {
    OutOfFrames();
  }
  free_frames_ = frame->next_;
  frame->next_ = nullptr;
  frame->size_ = 0;
  frame->traced_ = false;
  frame->chains_ = {};
  return frame;
}

void Graph::FreeFrame(Frame* frame) {
  frame->next_ = free_frames_;
  free_frames_ = frame;
}

[[gnu::always_inline]] inline void Graph::Enqueue(const Slot& from, NodeIndex node, Frame* frame) {
  from.arcs[slots_[node.value()].id.value()].Add(frame->size());
  Frame* const tail = slots_[node.value()].tail;
  if (tail != nullptr && tail->chains_ == frame->chains_ && tail->room() >= frame->size())
      [[unlikely]] {
    std::copy(frame->begin(), frame->end(), tail->end());
    tail->size_ += frame->size_;
    tail->traced_ |= frame->traced_;
    FreeFrame(frame);
    return;
  }
  Append(node, frame);
}

[[gnu::always_inline]] inline void Graph::Append(NodeIndex node, Frame* frame) {
  Slot& slot = slots_[node.value()];
  frame->next_ = nullptr;
  if (slot.tail == nullptr) {
    slot.head = frame;
    pending_[node.value() / 64] |= uint64_t{1} << (node.value() % 64);
  } else {
    slot.tail->next_ = frame;
  }
  slot.tail = frame;
}

// A frame that waits at `exit` with room for `room` more packets; a new one if need be.
Frame* Graph::OpenFrame(const Exit& exit, size_t room) {
  Slot& slot = slots_[exit.node.value()];
  if (slot.tail != nullptr && slot.tail->chains_ == exit.chains && slot.tail->room() >= room)
    return slot.tail;
  Frame* frame = NewFrame();
  frame->chains_ = exit.chains;
  Append(exit.node, frame);  // not to be merged: it is empty, and the caller fills it
  return frame;
}

}  // namespace weft
