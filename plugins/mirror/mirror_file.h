// SPDX-License-Identifier: Apache-2.0
// A pcapng file that mirrored packets go to. It never gets longer than it may, and one alone writes
// it: who comes second, another build of the plugin for example, waits until the first has closed
// it. Control thread, but for open().
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"

namespace weft::mirror {

class MirrorFile {
 public:
  // Makes the file, or empties the one that is there as soon as it is ours. Errors say what the
  // system said; what is no regular file could make weftd wait, and is refused.
  static absl::StatusOr<std::shared_ptr<MirrorFile>> Open(const std::string& path,
                                                          uint64_t max_size);
  ~MirrorFile();  // writes what is not written yet
  MirrorFile(const MirrorFile&) = delete;
  MirrorFile& operator=(const MirrorFile&) = delete;

  // Any thread: whether it takes more.
  bool open() const { return open_.load(std::memory_order_relaxed); }

  // Whether nobody else writes it (any more); who asks for five seconds and more is told that it
  // has ended.
  bool IsOurs(Time now);
  // It is not ours yet, and will not be emptied then: it goes on where the other one ends.
  void Continue() { continues_ = true; }

  // It is ours. A packet of this port; false if it is not in the file. `step.verdict` says the
  // direction, as PcapngWriter does.
  bool Add(const std::string& port, const CapturedStep& step, const std::vector<uint8_t>& bytes);
  void Flush();

  const std::string& path() const { return path_; }
  uint64_t max_size() const { return max_size_; }
  // Why it takes no more; empty while it does.
  const std::string& ended() const { return ended_; }
  bool waits() const { return open() && !ours_; }

 private:
  MirrorFile(std::string path, uint64_t max_size, int fd);
  bool TakeOver();
  uint64_t TimeOf(uint64_t cycles) const;
  void End(std::string why);

  const std::string path_;
  const uint64_t max_size_;
  const int fd_;
  const uint64_t start_cycles_ = Cycles();
  const uint64_t start_time_;  // nanoseconds since 1970
  PcapngWriter writer_{"weft"};
  std::map<std::string, uint32_t> interfaces_;
  bool ours_ = false;
  bool continues_ = false;
  std::optional<Time> refused_;  // when it was first found to be another's
  uint64_t written_ = 0;         // bytes
  bool failed_ = false;          // the system takes no more
  std::atomic<bool> open_{true};
  std::string ended_;
};

}  // namespace weft::mirror
