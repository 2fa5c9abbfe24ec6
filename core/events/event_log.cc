// SPDX-License-Identifier: Apache-2.0
#include "core/events/event_log.h"

#include <algorithm>
#include <iterator>

namespace weft {

void EventLog::Add(EventKind kind, std::string_view port, std::string_view details) {
  const WallTime now = now_();
  details = details.substr(0, kLongestDetails);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    Event& event = entry->event;
    if (event.last + kFold < now) break;
    if (event.kind != kind || event.port != port || event.details != details) continue;
    ++event.count;
    event.last = now;
    entries_.splice(entries_.end(), entries_, std::prev(entry.base()));
    return;
  }
  if (entries_.size() == kCapacity) MakeRoom();
  const auto held = held_.try_emplace({std::string(port), kind}, 0).first;
  ++held->second;
  entries_.push_back({{kind, std::string(port), std::string(details), now}, held});
}

// Of what there is most of the oldest goes.
void EventLog::MakeRoom() {
  size_t most = 0;
  for (const auto& [what, held] : held_) most = std::max(most, held);
  const auto oldest = std::find_if(entries_.begin(), entries_.end(), [most](const Entry& entry) {
    return entry.held->second == most;
  });
  const Held::iterator held = oldest->held;
  entries_.erase(oldest);
  if (--held->second == 0) held_.erase(held);
}

std::vector<const Event*> EventLog::Newest(size_t most, std::string_view port) const {
  std::vector<const Event*> newest;
  for (auto entry = entries_.rbegin(); entry != entries_.rend() && newest.size() < most; ++entry) {
    if (port.empty() || entry->event.port == port) newest.push_back(&entry->event);
  }
  std::reverse(newest.begin(), newest.end());
  return newest;
}

void EventLog::Clear() {
  entries_.clear();
  held_.clear();
}

}  // namespace weft
