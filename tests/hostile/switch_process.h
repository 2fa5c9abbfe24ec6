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
#include "tests/hostile/footprint.h"

namespace weft::hostile {

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
  // The longest round of all workers since ClearCounters, in microseconds; what took the core from
  // one of them included.
  double LongestRound();
  // Counts, drops and longest rounds begin at 0 again.
  void ClearCounters() { Ask("clear counters"); }

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
  pid_t pid() const { return pid_; }
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
