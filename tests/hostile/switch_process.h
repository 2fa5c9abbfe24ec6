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

// What a leak shows in.
struct Footprint {
  size_t fds = 0;
  size_t threads = 0;
  size_t memory_files = 0;  // mappings of what containers share
  size_t rss_kib = 0;       // of its own; not compared: allocators keep some

  bool SameAs(const Footprint& other) const {
    return fds == other.fds && threads == other.threads && memory_files == other.memory_files;
  }
  std::string Text() const;
};

// One connection to the control socket, for one thread.
class Shell {
 public:
  explicit Shell(const std::string& directory) : client_(directory + "/control.sock") {}
  // The data of the answer; null if weftd did not answer, or refused.
  nlohmann::json Ask(std::string_view command);

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
  std::string socket(const std::string& port) const {
    return directory_ + "/ports/" + port + "/vhost.sock";
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
