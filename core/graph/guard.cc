// SPDX-License-Identifier: Apache-2.0
#include "core/graph/guard.h"

#include <utility>

#include "core/base/clock.h"

namespace weft {

// The worker is in the plugin's code as long as there is one of these.
class Guard::AtWork {
 public:
  explicit AtWork(Guard& guard)
      : graph_(*guard.graph_),
        outer_(graph_.at_work_.exchange(&guard, std::memory_order_relaxed)) {}
  ~AtWork() { graph_.at_work_.store(outer_, std::memory_order_relaxed); }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  Graph& graph_;
  Guard* const outer_;  // which called RunDownstream
};

void Guard::Join(Graph* graph, NodeIndex index) {
  NodeBase::Join(graph, index);
  node_->Join(graph, index);
}

VerdictCode Guard::Instead() const {
  const Layout::Slot& slot = graph_->layout_.slots[index_.value()];
  if (slot.is_feature && state_->on_fault == OnFault::kBypass) return kContinue;
  return static_cast<VerdictCode>(kFirstDrop + slot.drop_count - 1);
}

// Control sees to the rest: it tells, and ends weftd if that is what on-fault says.
void Guard::Break(Fault fault) {
  Fault none = Fault::kNone;
  state_->fault.compare_exchange_strong(none, fault, std::memory_order_relaxed);
}

void Guard::RunFrame(Frame& frame) {
  if (is_out()) [[unlikely]] {
    graph_->MoveFrame(index_, frame, Instead());
    return;
  }
  const size_t size = frame.size();
  const size_t by_hand = graph_->by_hand_;
  const uint64_t start = graph_->charged_until_;
  const size_t outer = std::exchange(graph_->decided_, 0);
  frame.marks_ |= Frame::kGuarded;
  Fault fault = Fault::kNone;
  {
    const AtWork at_work(*this);
    try {
      node_->RunFrame(frame);
    } catch (...) {
      fault = Fault::kThrew;
    }
  }
  const size_t decided = std::exchange(graph_->decided_, outer);
  const size_t left = decided + (graph_->by_hand_ - by_hand);
  if (left < size && !state_->delivers) [[unlikely]] {
    Break(fault == Fault::kNone ? Fault::kLeak : fault);
    if (left == 0) {  // the frame is as it came
      frame.set_size(size);
      frame.marks_ &= static_cast<uint8_t>(~Frame::kGuarded);
      graph_->MoveFrame(index_, frame, Instead());
      return;
    }
    const Layout::Slot& slot = graph_->layout_.slots[index_.value()];
    graph_->CountDrop(index_, PortId(), static_cast<uint8_t>(slot.drop_count - 1), size - left);
  } else if (fault != Fault::kNone) [[unlikely]] {
    Break(fault);
  }
  // A frame that has moved is another node's by now.
  if (decided == 0) frame.marks_ &= static_cast<uint8_t>(~Frame::kGuarded);
  // An output's time is also that of whoever takes its frames, and no tenant shall be able to put
  // it out for all the others.
  if (state_->cycles_per_packet == 0 || state_->delivers) return;
  const uint64_t budget = state_->cycles_per_frame + size * state_->cycles_per_packet;
  strikes_ = Cycles() - start > budget ? strikes_ + 1 : 0;
  if (strikes_ >= kStrikes) [[unlikely]] {
    Break(Fault::kSlow);
  }
}

void Guard::RunPoll(Frame& frame) {
  if (is_out()) return;
  const AtWork at_work(*this);
  node_->RunPoll(frame);
}

bool Guard::RunCanSleep() {
  if (is_out()) return true;
  const AtWork at_work(*this);
  return node_->RunCanSleep();
}

void Guard::RunPrepareSleep(SleepSet& set) {
  if (is_out()) return;
  const AtWork at_work(*this);
  node_->RunPrepareSleep(set);
}

void Guard::RunWake() {
  if (is_out()) return;
  const AtWork at_work(*this);
  node_->RunWake();
}

void Guard::RunEndDispatch() {
  if (is_out()) return;
  const AtWork at_work(*this);
  node_->RunEndDispatch();
}

void Guard::RunTrace(const Packet& packet, void* record) const { node_->RunTrace(packet, record); }

// --- what Graph asks ---

// A guarded frame has been decided on as a whole.
Guard* Graph::TakeDecision(Frame& frame) {
  frame.marks_ &= static_cast<uint8_t>(~Frame::kGuarded);
  decided_ = frame.size();
  return at_work_.load(std::memory_order_relaxed);
}

// A verdict of a plugin's node, or what is to be done instead if it has no such verdict.
VerdictCode Graph::Judge(const Slot& slot, Guard* guard, VerdictCode verdict) {
  const bool there = verdict == kConsumed || (verdict == kContinue && slot.is_feature) ||
                     (IsNext(verdict) && verdict < slot.next_count) ||
                     (IsDrop(verdict) && verdict - kFirstDrop < slot.drop_count - 1);
  if (there) return verdict;
  guard->Break(Fault::kVerdict);
  return guard->Instead();
}

}  // namespace weft
