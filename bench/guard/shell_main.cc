// SPDX-License-Identifier: Apache-2.0
// weft-guard-shell alone|asked: a whole switch with two containers and a real worker, whose thread
// sends vectors through its graph and has callgrind count the instructions of that, and of nothing
// else. Asked: meanwhile the control thread answers clients that ask every `show`, come and go, and
// send what is no request. No vector begins before some more answers are there. See shell_guard.py.
#include <sys/socket.h>
#include <valgrind/callgrind.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bench/support/slots.h"
#include "core/base/text.h"
#include "core/base/unix_socket.h"
#include "core/commands.h"
#include "core/shell/client.h"
#include "core/shell/command_table.h"
#include "core/shell/server.h"
#include "nodes/builtin.h"
#include "tests/support/container.h"
#include "tests/support/switch_harness.h"

namespace weft::bench {
namespace {

using testing::FrameTo;
using testing::MacNumber;
using vhost::testing::Container;

constexpr size_t kVectors = 40;
constexpr size_t kWarmup = 4;
constexpr size_t kAskers = 2;
constexpr uint64_t kAnswers = 3;  // that come before each vector
constexpr std::string_view kConfig = R"(
[workers]
idle = "poll"
[[port]]
name = "web-1"
vhost = {}
[[port]]
name = "web-2"
vhost = {}
)";

void Require(const std::string& error) {
  if (error.empty()) return;
  std::fprintf(stderr, "weft-guard-shell: %s\n", error.c_str());
  std::abort();
}

// Every command that shows something.
std::vector<std::string> Shows(const CommandTable& table) {
  std::vector<std::string> lines;
  for (const Command* command : table.All()) {
    const bool port = !command->arguments.empty() && !command->arguments[0].optional;
    if (command->words.starts_with("show ") || command->words == "why")
      lines.push_back(Cat(command->words, port ? " web-1" : ""));
  }
  lines.emplace_back("show port web-1 attach");
  lines.emplace_back("show drops port web-1 last 20");
  return lines;
}

class Scene {
 public:
  explicit Scene(bool asked) : asked_(asked) {
    Require(harness_.AddModules(BuiltinModules()));
    Require(harness_.Start(kConfig, 1, WorkerOptions().longest_sleep, [this] { Work(); }));
    Require(MessageOf(AddCommands(*harness_, table_)));
    Require(MessageOf(server_.Listen(socket_)));
    for (const size_t i : {0, 1}) {
      containers_[i].Attach(Cat(harness_.directory(), "/ports/web-", i + 1, "/vhost.sock"));
      Until([&] { return harness_->ports().ports()[i]->up; });
    }
    // Each has been heard once, so that frames go straight.
    for (const size_t i : {0, 1}) {
      containers_[i].Send(Frame(i, 1 - i));
      Until([&] { return !containers_[1 - i].Receive().empty(); });
    }
  }

  int Run() {
    std::vector<std::thread> clients;
    if (asked_) {
      for (size_t i = 0; i < kAskers; ++i) clients.emplace_back([this] { Ask(Shows(table_)); });
      clients.emplace_back([this] { Disturb(); });
    }
    ready_.store(true);
    Until([&] { return done_.load(); });
    const uint64_t answers = answers_.load();
    over_.store(true);
    while (clients_ != 0) harness_.Turn();
    for (std::thread& client : clients) client.join();
    std::printf("packets %zu answers %llu\n", packets_, static_cast<unsigned long long>(answers));
    return packets_ == kVectors * Container::kBuffers ? 0 : 1;
  }

 private:
  void Until(const std::function<bool()>& condition) {
    if (!harness_.Until(condition)) Require("it hangs");
  }
  static testing::Bytes Frame(size_t from, size_t to) {
    const auto number = [](size_t i) { return MacNumber(static_cast<uint32_t>(0x10 + i)); };
    return FrameTo(number(to)).From(number(from)).Size(64).Build();
  }

  // On the worker's thread, instead of its rounds.
  void Work() {
    Graph& graph = harness_->workers()[0]->graph();
    Rcu& rcu = harness_->registry().services().rcu;
    while (!ready_.load()) {
      graph.PollInputs();
      rcu.Quiescent(WorkerId(0));
      std::this_thread::yield();
    }
    const testing::Bytes frame = Frame(0, 1);
    for (size_t i = 0; i < kWarmup + kVectors; ++i) {
      for (uint16_t k = 0; k < Container::kBuffers; ++k) containers_[0].Send(frame);
      while (asked_ && answers_.load() < kAnswers * (i + 1)) std::this_thread::yield();
      if (i >= kWarmup) CALLGRIND_TOGGLE_COLLECT;
      graph.PollInputs();
      if (i >= kWarmup) CALLGRIND_TOGGLE_COLLECT;
      rcu.Quiescent(WorkerId(0));
      const size_t received = containers_[1].Receive().size();
      if (i >= kWarmup) packets_ += received;
    }
    done_.store(true);
  }

  void Ask(const std::vector<std::string>& lines) {
    ++clients_;
    ControlClient client(socket_);
    Require(MessageOf(client.Json("show version").status()));
    ++connected_;
    while (!over_) {
      for (const std::string& line : lines) {
        Require(MessageOf(client.Json(line).status()));
        ++answers_;
        if (over_) break;
      }
    }
    --clients_;
  }
  void Disturb() {
    ++clients_;
    while (connected_ != kAskers) std::this_thread::yield();  // the server has room for so many
    std::string junk;
    for (int i = 0; i < 20'000; ++i) junk += static_cast<char>(i * 7);
    while (!over_) {
      const absl::StatusOr<UniqueFd> one = Connect(socket_);
      const absl::StatusOr<UniqueFd> other = Connect(socket_);
      if (one.ok()) send(one->get(), junk.data(), junk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      std::this_thread::yield();
    }
    --clients_;
  }

  const bool asked_;
  Slots slots_{WorkerOptions().pool_size};
  testing::SwitchHarness harness_{&slots_};
  CommandTable table_;
  const std::string socket_ = Cat(harness_.directory(), "/control.sock");
  ControlServer server_{harness_.loop(), table_};
  std::array<Container, 2> containers_{Container([this] { harness_.Turn(); }),
                                       Container([this] { harness_.Turn(); })};
  std::atomic<bool> ready_{false};  // the containers are the worker's from now on
  std::atomic<bool> done_{false};
  std::atomic<bool> over_{false};
  std::atomic<uint64_t> answers_{0};
  std::atomic<size_t> clients_{0};
  std::atomic<size_t> connected_{0};
  size_t packets_ = 0;
};

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  const std::string_view how = argc == 2 ? argv[1] : "";
  if (how != "alone" && how != "asked") {
    std::fputs("usage: weft-guard-shell alone|asked\n", stderr);
    return 2;
  }
  return weft::bench::Scene(how == "asked").Run();
}
