// SPDX-License-Identifier: Apache-2.0
#include "core/trace/watcher.h"

#include <algorithm>
#include <utility>

namespace weft {

void Watcher::Trace(TraceRequest request) {
  request.number = ++requests_;
  trace_ = std::make_shared<const TraceRequest>(std::move(request));
  Publish();
}

void Watcher::StopTraces() {
  if (std::exchange(trace_, nullptr) != nullptr) Publish();
}

void Watcher::AddTaps(const Taps& taps) {
  taps_.push_back(taps);
  Publish();
}

void Watcher::RemoveTaps(const Taps& taps, std::function<void()> gone) {
  std::erase(taps_, taps);
  Publish();
  rcu_.Defer(std::move(gone));
}

void Watcher::Publish() {
  for (size_t i = 0; i < graphs_.size(); ++i) {
    std::unique_ptr<Watch> watch;
    if (trace_ != nullptr || !taps_.empty()) {
      watch = std::make_unique<Watch>();
      watch->trace = trace_;
      for (const Taps& taps : taps_) watch->taps.push_back(taps[i]);
    }
    graphs_[i]->SetWatch(rcu_, std::move(watch));
  }
}

}  // namespace weft
