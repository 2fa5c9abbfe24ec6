// SPDX-License-Identifier: Apache-2.0
#include "core/supervise.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "core/base/clock.h"
#include "core/base/give_up.h"

namespace weft {
namespace {

constexpr Time kSoon = std::chrono::milliseconds(100);
constexpr Time kLate = std::chrono::seconds(10);
constexpr Time kLongEnough = std::chrono::minutes(1);

class Parent {
 public:
  Parent() {
    sigemptyset(&signals_);
    for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals_, number);
    sigprocmask(SIG_BLOCK, &signals_, &before_);
  }

  // In the child: what it begins with.
  Supervised Run() {
    for (;;) {
      int ends[2];
      if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) GiveUp("make a pipe to weftd", errno);
      UniqueFd reading(ends[0]);
      UniqueFd writing(ends[1]);
      const pid_t parent = getpid();
      child_ = fork();
      if (child_ < 0) GiveUp("start weftd", errno);
      if (child_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) std::_Exit(1);  // it died before that
        sigprocmask(SIG_SETMASK, &before_, nullptr);
        return {std::move(writing), std::move(left_out_), std::move(not_loaded_)};
      }
      writing.reset();
      const Time start = clock_.Now();
      const int status = WaitForChild();
      const bool by_plugin = WIFEXITED(status) && WEXITSTATUS(status) == kEndedByPlugin;
      if (stopping_ || (WIFEXITED(status) && !by_plugin)) End(status);
      const Time now = clock_.Now();
      delay_ = now - start > kLongEnough ? kSoon : std::min(2 * delay_, kLate);
      const std::string plugin = Listen(reading.get());
      if (by_plugin) {
        // Without a name it would begin anew, for ever.
        if (plugin.empty()) End(status);
        std::fprintf(stderr,
                     "weftd: supervise: plugin %s ended it, as its on-fault says; it starts again "
                     "and leaves that out\n",
                     plugin.c_str());
        LeaveOut(plugin);
      } else {
        std::fprintf(stderr, "weftd: supervise: signal %d ended it; it starts again\n",
                     WTERMSIG(status));
        if (!plugin.empty()) Count(plugin, now);
      }
      Pause();
    }
  }

 private:
  int WaitForChild() {
    for (;;) {
      const int number = sigwaitinfo(&signals_, nullptr);
      if (number < 0) continue;
      if (number != SIGCHLD) {
        Pass(number);
        continue;
      }
      int status = 0;
      if (waitpid(child_, &status, WNOHANG) == child_) return status;
    }
  }

  void Pass(int number) {
    stopping_ = stopping_ || number != SIGHUP;
    kill(child_, number);
  }

  [[noreturn]] static void End(int status) {
    if (WIFEXITED(status)) std::_Exit(WEXITSTATUS(status));
    std::_Exit(128 + WTERMSIG(status));
  }

  // What the child said last: the plugin that was to blame, and if it was no node of it "module";
  // empty if it blamed none.
  static std::string Listen(int fd) {
    char text[256];
    const ssize_t got = read(fd, text, sizeof(text));
    return got <= 0 ? std::string() : std::string(text, std::find(text, text + got, '\n'));
  }

  void LeaveOut(const std::string& plugin) {
    if (std::count(left_out_.begin(), left_out_.end(), plugin) == 0) left_out_.push_back(plugin);
  }

  // `words`: "NAME" if it was in a node, or "NAME module".
  void Count(const std::string& words, Time now) {
    std::vector<Time>& times = ends_[words];
    std::erase_if(times, [&](Time then) { return now - then > kLongEnough; });
    times.push_back(now);
    const std::string plugin = words.substr(0, words.find(' '));
    const bool node = plugin == words;
    std::vector<std::string>& out = node ? left_out_ : not_loaded_;
    if (times.size() < 2 || std::count(out.begin(), out.end(), plugin) != 0) return;
    std::fprintf(stderr, "weftd: supervise: plugin %s ended it twice within a minute and %s\n",
                 plugin.c_str(), node ? "is left out" : "is not loaded again");
    out.push_back(plugin);
  }

  void Pause() {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(delay_).count();
    const timespec delay{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    const int number = sigtimedwait(&signals_, nullptr, &delay);
    if (number == SIGTERM || number == SIGINT) std::_Exit(0);
  }

  const MonotonicClock clock_;
  sigset_t signals_{};
  sigset_t before_{};
  pid_t child_ = -1;
  bool stopping_ = false;
  Time delay_ = kSoon / 2;
  std::map<std::string, std::vector<Time>> ends_;  // by what was said
  std::vector<std::string> left_out_, not_loaded_;
};

}  // namespace

Supervised Supervise() { return Parent().Run(); }

}  // namespace weft
