// SPDX-License-Identifier: Apache-2.0
// What one build hands to the next at `plugin replace`: the streams that there are, and how far
// each is. Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/packet_generator/stream_config.h"

namespace weft::packet_generator {

struct SavedStream {
  std::string port;
  StreamConfig stream;
  bool from_table = false;
  bool running = false;
  bool started = false;          // ever
  uint64_t made = 0;             // packets, since it was started
  std::optional<int64_t> began;  // when the first was due: nanoseconds by the clock of workers

  static constexpr auto kFields =
      Fields(Field<&SavedStream::port>("port", "whose packets it makes", Required{}),
             Field<&SavedStream::stream>("stream", "as it was asked for", Required{}),
             Field<&SavedStream::from_table>("from-table", "whether startup.conf has it"),
             Field<&SavedStream::running>("running", "whether it was not stopped"),
             Field<&SavedStream::started>("started", "whether it was ever started"),
             Field<&SavedStream::made>("made", "packets, since it was started"),
             Field<&SavedStream::began>("began", "when its first packet was due, in nanoseconds"));
};
struct SavedStreams {
  std::vector<SavedStream> streams;

  static constexpr auto kFields = Fields(Field<&SavedStreams::streams>("streams", "all of them"));
};

}  // namespace weft::packet_generator
