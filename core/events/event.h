// SPDX-License-Identifier: Apache-2.0
// What can happen to a port or to weftd, and where it is reported: modules get the sink alone, the
// Switch owns the log behind it. Control thread: what a worker sees is counted there, and reported
// by whoever reads the counts.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/labels.h"

namespace weft {

enum class EventKind : uint8_t {
  kStarted,
  kPluginLoaded,
  kConfigApplied,
  kConfigRefused,
  kPortAdded,
  kPortDeleted,
  kPortUp,
  kPortDown,
  kPortError,
  kMacMoved,
};
inline constexpr auto kEventKinds = Labels<EventKind>({
    {EventKind::kStarted, "started", "weftd serves from now on"},
    {EventKind::kPluginLoaded, "plugin-loaded", "a plugin's nodes are in the graph"},
    {EventKind::kConfigApplied, "config-applied", "startup.conf was read again and changed this"},
    {EventKind::kConfigRefused, "config-refused",
     "startup.conf was read again and changed nothing"},
    {EventKind::kPortAdded, "port-added", "by startup.conf or by the shell"},
    {EventKind::kPortDeleted, "port-deleted", "by startup.conf or by the shell"},
    {EventKind::kPortUp, "port-up", "frames can flow"},
    {EventKind::kPortDown, "port-down", "its container has gone, or its link"},
    {EventKind::kPortError, "port-error", "something is wrong, and the details say what"},
    {EventKind::kMacMoved, "mac-moved", "an address of its own is a source on another port"},
});

class EventSink {
 public:
  EventSink() = default;
  virtual ~EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  // `port` is the name of the port that it happened to, empty if to none; `details` is one phrase.
  // What a tenant causes should say the same words each time: then it is one event with a count.
  virtual void Add(EventKind kind, std::string_view port, std::string_view details) = 0;
};

}  // namespace weft
