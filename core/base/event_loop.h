// SPDX-License-Identifier: Apache-2.0
// The control thread's one loop: file descriptors, timers, signals and posted work. Every method
// but Post is called on the thread that runs the loop. Callbacks may add and remove watches, their
// own too.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/unique_fd.h"

namespace weft {

class EventLoop {
 public:
  using FdCallback =
      std::function<void(uint32_t events)>;  // EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR
  using Callback = std::function<void()>;
  using TimerId = uint64_t;  // 0 is no timer

  EventLoop();  // by the machine's clock
  // By this one, which outlives the loop. Timers are due when it says so; who moves it runs the
  // loop again.
  explicit EventLoop(const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Watches fd (level-triggered). The caller keeps the descriptor and calls Unwatch before it
  // closes it. While the kernel has no room for one more watch, the loop asks it again and again.
  void Watch(int fd, uint32_t events, FdCallback callback);
  // Changes the events of a watched fd; 0 pauses it (hang-ups are then not reported either).
  void Rewatch(int fd, uint32_t events);
  void Unwatch(int fd);

  // Calls back once after `delay`, or every `period`.
  TimerId After(Time delay, Callback callback);
  TimerId Every(Time period, Callback callback);
  void Cancel(TimerId timer);

  // Runs `callback` on the loop's thread soon; from any thread.
  void Post(Callback callback);
  // Calls back when the process gets `signal`. Blocks it for the calling thread: call before other
  // threads start.
  void OnSignal(int signal, Callback callback);

  // Calls back after each round, when all that was ready has been handled.
  void AfterRound(Callback callback) { after_round_ = std::move(callback); }

  void Run();   // until Stop; not at all if Stop came first, since the last Run
  void Stop();  // from a callback or, by Post, from anywhere
  // Handles what is ready, waiting at most `wait` for the first event. For tests and for start-up.
  void RunOnce(Time wait);

  Time Now() const { return clock_.Now(); }
  // When the next timer is due; nothing if there is none.
  std::optional<Time> NextTimer() const;

 private:
  struct Watched {
    FdCallback callback;
    uint32_t events;
    bool gone = false;
    bool refused = false;  // the kernel has no room for it yet
  };
  struct Timer {
    Time due;
    Time period;  // 0: once
    Callback callback;
  };

  // Has the kernel watch for the events, or not for those of an empty mask.
  void Arm(int fd, Watched& watched, uint32_t events);
  void RetryRefused();
  TimerId AddTimer(Time delay, Time period, Callback callback);
  void RunTimers();
  void RunPosted();
  int WaitMilliseconds(Time wait) const;

  const MonotonicClock machine_clock_;
  const Clock& clock_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
  std::map<TimerId, Timer> timers_;
  TimerId last_timer_ = 0;
  TimerId retry_ = 0;  // of watches that were refused
  std::vector<UniqueFd> signal_fds_;
  std::mutex posted_mutex_;
  std::vector<Callback> posted_;
  Callback after_round_;
  bool stopped_ = false;
};

}  // namespace weft
