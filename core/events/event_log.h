// SPDX-License-Identifier: Apache-2.0
// What happened to ports and to weftd as a whole, with the time of day, for `show events`. In
// memory and bounded. Tenants cause most events, so none of them may push out what happened to
// others: what repeats is one event with a count, and a full log makes room where one port has
// most of a kind. So not even what one port does to another, such as taking its addresses, pushes
// out when that one was up and down. Owned by the Switch; control thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/wall_time.h"
#include "core/events/event.h"

namespace weft {

struct Event {
  EventKind kind;
  std::string port;     // its name; empty if it is about none
  std::string details;  // one phrase, may be empty
  WallTime last;
  uint64_t count = 1;  // how often, each time at most kFold after the one before
};

class EventLog final : public EventSink {
 public:
  static constexpr size_t kCapacity = 1'000;  // events
  // What happens again within this time is the same event once more.
  static constexpr std::chrono::seconds kFold{10};
  static constexpr size_t kLongestDetails = 256;  // bytes

  using Now = std::function<WallTime()>;
  explicit EventLog(Now now = &std::chrono::system_clock::now) : now_(std::move(now)) {}
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void Add(EventKind kind, std::string_view port, std::string_view details) override;
  // The newest, at most `most`, the oldest first; with `port` only those of that port. Valid until
  // the log changes.
  std::vector<const Event*> Newest(size_t most, std::string_view port) const;
  void Clear();

 private:
  using Held = std::map<std::pair<std::string, EventKind>, size_t>;  // events of each port and kind
  struct Entry {
    Event event;
    Held::iterator held;
  };

  void MakeRoom();

  const Now now_;
  std::list<Entry> entries_;  // the newest last
  Held held_;
};

}  // namespace weft
