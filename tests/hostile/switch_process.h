// SPDX-License-Identifier: Apache-2.0
// The weftd under test, in a private runtime directory, and what can be seen of it from outside. A
// keeper process stands between: it outlives us whatever becomes of us, ends weftd and takes the
// directory away.
#pragma once

#include <sys/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"
#include "core/shell/client.h"

namespace weft::hostile {

// What workers have for packets, as `show buffers` says. A dispatch takes some of them and gives
// all back at once when it ends, so there are as many at any time, whatever a container does in it.
struct Buffers {
  uint64_t packets = 0;    // of all workers
  uint64_t most_used = 0;  // in one dispatch, so far

  bool Whole(const Buffers& before) const {
    return packets == before.packets && most_used <= packets;
  }
  std::string Text() const;
};

// What a leak shows in.
struct Footprint {
  size_t fds = 0;
  size_t threads = 0;
  size_t memory_files = 0;  // mappings of what containers share
  size_t rss_kib = 0;       // of its own; not compared: allocators keep some
  // What the shell says; see Shell::Look.
  Buffers buffers{};
  uint64_t dpdk_bytes = 0;  // of DPDK's memory that are in use: packets, NIC queues

  bool SameAs(const Footprint& other) const {
    return fds == other.fds && threads == other.threads && memory_files == other.memory_files &&
           buffers.Whole(other.buffers) && dpdk_bytes == other.dpdk_bytes;
  }
  std::string Text() const;
};

// One connection to the control socket, for one thread.
class Shell {
 public:
  explicit Shell(const std::string& directory) : client_(directory + "/control.sock") {}
  // The data of the answer; null if weftd did not answer, or refused.
  nlohmann::json Ask(std::string_view command);
  // Buffers that there are; none if weftd does not answer.
  Buffers AskBuffers();
  // Adds to a footprint what is not to be seen from outside.
  void Look(Footprint& footprint);
  // The longest round of all workers so far, in microseconds; what took the core from one of them
  // included.
  double LongestRound();

 private:
  ControlClient client_;
};

class SwitchProcess {
 public:
  // `config` is all but its [weft] section. Call it before there are threads.
  static absl::StatusOr<std::unique_ptr<SwitchProcess>> Start(const std::string& program,
                                                              const std::string& config);
  ~SwitchProcess();
  SwitchProcess(const SwitchProcess&) = delete;
  SwitchProcess& operator=(const SwitchProcess&) = delete;

  const std::string& directory() const { return directory_; }
  std::string socket(const std::string& port, const std::string& name = "vhost.sock") const {
    return directory_ + "/ports/" + port + "/" + name;
  }
  bool alive();
  Footprint Look() const;
  std::string Log() const;
  // SIGTERM; the wait status, or -1 if it does not end.
  int Stop();

 private:
  SwitchProcess() = default;
  // The wait status, as soon as there is one, within `patience_ms`.
  std::optional<int> Status(int patience_ms);

  std::string directory_;
  UniqueFd keeper_;  // carries the pid, then the wait status; closed, it tells the keeper to end
  pid_t keeper_pid_ = 0;
  pid_t pid_ = 0;
  std::optional<int> status_;
};

}  // namespace weft::hostile
