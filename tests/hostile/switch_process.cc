// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/switch_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/base/text.h"
#include "tests/hostile/link.h"

namespace weft::hostile {
namespace {

[[noreturn]] void RunWeftd(const std::string& program, const std::string& directory) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = open((directory + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  const std::string config = directory + "/startup.conf";
  execl(program.c_str(), program.c_str(), config.c_str(), nullptr);
  _exit(127);
}

// Starts weftd and tells its pid and its end to `peer`; when the peer is gone, ends it.
[[noreturn]] void Keep(int peer, const std::string& program, const std::string& directory) {
  setpgid(0, 0);  // a Ctrl-C is for our parent
  const pid_t weftd = fork();
  if (weftd == 0) RunWeftd(program, directory);
  [[maybe_unused]] ssize_t put = send(peer, &weftd, sizeof(weftd), MSG_NOSIGNAL);
  const UniqueFd ended(static_cast<int>(syscall(SYS_pidfd_open, weftd, 0)));
  std::array<pollfd, 2> events{pollfd{.fd = peer, .events = POLLIN, .revents = 0},
                               pollfd{.fd = ended.get(), .events = POLLIN, .revents = 0}};
  while (poll(events.data(), events.size(), -1) < 0) {
  }
  if ((events[1].revents & POLLIN) == 0) kill(weftd, SIGKILL);
  int status = 0;
  waitpid(weftd, &status, 0);
  put = send(peer, &status, sizeof(status), MSG_NOSIGNAL);
  std::array<char, 1> nothing;
  while (read(peer, nothing.data(), nothing.size()) > 0) {
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  _exit(0);
}

}  // namespace

nlohmann::json Shell::Ask(std::string_view command) {
  const absl::StatusOr<std::string> answer = client_.Json(command);
  if (!answer.ok()) return nullptr;
  return nlohmann::json::parse(*answer, nullptr, false);
}

Buffers Shell::AskBuffers() {
  Buffers buffers;
  for (const nlohmann::json& row : Ask("show buffers")) {
    buffers.packets += row.value("packets", uint64_t{0});
    buffers.most_used = std::max(buffers.most_used, row.value("most-used", uint64_t{0}));
  }
  return buffers;
}

void Shell::Look(Footprint& footprint) {
  footprint.buffers = AskBuffers();
  for (const nlohmann::json& row : Ask("show memory")) {
    const std::string whose = row.value("memory", "");
    const auto used = row.value("used", uint64_t{0});
    if (whose.starts_with("dpdk")) footprint.dpdk_bytes += used;
    if (whose == "heap") footprint.heap_kib = used >> 10;
  }
}

double Shell::LongestRound() {
  double longest = 0;
  for (const nlohmann::json& row : Ask("show workers")) {
    longest = std::max(longest, row.value("longest-us", 0.0));
  }
  return longest;
}

absl::StatusOr<std::unique_ptr<SwitchProcess>> SwitchProcess::Start(const std::string& program,
                                                                    const std::string& config) {
  std::unique_ptr<SwitchProcess> self(new SwitchProcess);
  std::string name = (std::filesystem::temp_directory_path() / "weft-hostile-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return absl::ErrnoToStatus(errno, name);
  self->directory_ = name;
  std::ofstream(name + "/startup.conf")
      << "[weft]\nruntime-dir = \"" << name << "\"\nlog = \"info\"\n"
      << config;
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair");
  }
  self->keeper_ = UniqueFd(ends[0]);
  UniqueFd other(ends[1]);
  self->keeper_pid_ = fork();
  if (self->keeper_pid_ < 0) return absl::ErrnoToStatus(errno, "fork");
  if (self->keeper_pid_ == 0) {
    close(self->keeper_.release());
    Keep(other.get(), program, name);
  }
  other.reset();
  if (recv(self->keeper_.get(), &self->pid_, sizeof(self->pid_), MSG_WAITALL) !=
      sizeof(self->pid_)) {
    return absl::InternalError("the keeper of weftd did not start");
  }
  Shell shell(name);
  const bool ready = Await([&] { return !self->alive() || !shell.Ask("show version").is_null(); });
  if (!ready || !self->alive()) {
    return absl::UnavailableError(Cat("weftd does not start:\n", self->Log()));
  }
  return self;
}

SwitchProcess::~SwitchProcess() {
  keeper_.reset();
  if (keeper_pid_ > 0) waitpid(keeper_pid_, nullptr, 0);
}

std::optional<int> SwitchProcess::Status(int patience_ms) {
  pollfd readable{.fd = keeper_.get(), .events = POLLIN, .revents = 0};
  int status = 0;
  if (!status_.has_value() && poll(&readable, 1, patience_ms) == 1 &&
      recv(keeper_.get(), &status, sizeof(status), MSG_WAITALL) == sizeof(status)) {
    status_ = status;
  }
  return status_;
}

bool SwitchProcess::alive() { return !Status(0).has_value(); }

int SwitchProcess::Stop() {
  if (alive()) kill(pid_, SIGTERM);
  return Status(static_cast<int>(kPatience.count()) * 1000).value_or(-1);
}

std::string SwitchProcess::Log() const {
  std::ifstream file(directory_ + "/log");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace weft::hostile
