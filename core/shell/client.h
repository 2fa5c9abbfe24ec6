// SPDX-License-Identifier: Apache-2.0
// weftctl's end of the control socket. Connects when it is first asked and again after a loss.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/base/unique_fd.h"
#include "core/shell/command_table.h"
#include "core/shell/reply.h"

namespace weft {

class ControlClient {
 public:
  // `patience` is how long an answer may take.
  explicit ControlClient(std::string path, Time patience = std::chrono::seconds(30));

  // The answer, to be rendered, or as indented JSON that ends in a newline. Errors: Unavailable (no
  // daemon, or it went away), DeadlineExceeded (no answer), Cancelled (a signal came), Internal
  // (not our protocol), else InvalidArgument: what the daemon said, for the person who typed.
  absl::StatusOr<Reply> Ask(std::string_view command);
  absl::StatusOr<std::string> Json(std::string_view command);
  // The JSON Schema of what Json gives.
  absl::StatusOr<std::string> Schema(std::string_view command);
  absl::StatusOr<Completion> Complete(std::string_view line);

  const std::string& path() const { return path_; }

 private:
  // The data that a request {KEY: LINE} is answered with.
  absl::StatusOr<std::string> Data(const char* key, std::string_view line);
  absl::Status EnsureConnected();
  // One line there and one back. On errors the connection is closed: a late answer would be taken
  // for that of the next request.
  absl::StatusOr<std::string> Exchange(const std::string& request);
  absl::Status Send(std::string_view line, Time until);
  absl::StatusOr<std::string> ReceiveLine(Time until);
  absl::Status WaitFor(short events, Time until) const;

  const std::string path_;
  const Time patience_;
  UniqueFd fd_;
};

}  // namespace weft
