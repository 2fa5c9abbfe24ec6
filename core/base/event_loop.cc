// SPDX-License-Identifier: Apache-2.0
#include "core/base/event_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/give_up.h"
#include "core/base/log.h"
#include "core/base/text.h"

namespace weft {
namespace {

// The user's limit of watches (fs.epoll.max_user_watches), or the kernel's memory.
constexpr Time kRetry = std::chrono::milliseconds(100);

}  // namespace

EventLoop::EventLoop() : EventLoop(machine_clock_) {}

EventLoop::EventLoop(const Clock& clock)
    : clock_(clock),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_.valid() || !wake_.valid()) GiveUp("make an event loop", errno);
  Watch(wake_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof(count));
  });
}

EventLoop::~EventLoop() = default;

void EventLoop::Watch(int fd, uint32_t events, FdCallback callback) {
  const auto watched = std::make_shared<Watched>(Watched{std::move(callback), 0});
  watched_[fd] = watched;
  Arm(fd, *watched, events);
}

void EventLoop::Rewatch(int fd, uint32_t events) {
  const auto found = watched_.find(fd);
  if (found == watched_.end() || found->second->events == events) return;
  Arm(fd, *found->second, events);
}

void EventLoop::Arm(int fd, Watched& watched, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  const bool armed = watched.events != 0 && !watched.refused;
  watched.events = events;
  watched.refused = false;
  // Hang-ups are reported even for an empty mask, so a paused descriptor leaves the set.
  if (events == 0) {
    if (armed) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    return;
  }
  if (epoll_ctl(epoll_.get(), armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0) return;
  if (errno != ENOSPC && errno != ENOMEM) return;  // not a descriptor that can be watched
  watched.refused = true;
  if (retry_ != 0) return;
  LogWarning(Cat("a descriptor cannot be watched now (", std::strerror(errno),
                 "); see fs.epoll.max_user_watches"));
  retry_ = Every(kRetry, [this] { RetryRefused(); });
}

void EventLoop::RetryRefused() {
  bool all = true;
  for (const auto& [fd, watched] : watched_) {
    if (!watched->refused) continue;
    Arm(fd, *watched, watched->events);
    all = all && !watched->refused;
  }
  if (all) Cancel(std::exchange(retry_, 0));
}

void EventLoop::Unwatch(int fd) {
  const auto found = watched_.find(fd);
  if (found == watched_.end()) return;
  Arm(fd, *found->second, 0);
  found->second->gone = true;
  watched_.erase(found);
}

EventLoop::TimerId EventLoop::AddTimer(Time delay, Time period, Callback callback) {
  timers_.emplace(++last_timer_, Timer{Now() + delay, period, std::move(callback)});
  return last_timer_;
}

EventLoop::TimerId EventLoop::After(Time delay, Callback callback) {
  return AddTimer(delay, Time::zero(), std::move(callback));
}

EventLoop::TimerId EventLoop::Every(Time period, Callback callback) {
  return AddTimer(period, period, std::move(callback));
}

void EventLoop::Cancel(TimerId timer) { timers_.erase(timer); }

void EventLoop::Post(Callback callback) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(callback));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(wake_.get(), &one, sizeof(one));
}

void EventLoop::OnSignal(int signal, Callback callback) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal_fds_.emplace_back(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signal_fds_.back().valid()) GiveUp("receive signals", errno);
  const int fd = signal_fds_.back().get();
  Watch(fd, EPOLLIN, [fd, callback = std::move(callback)](uint32_t) {
    signalfd_siginfo info{};
    while (read(fd, &info, sizeof(info)) == sizeof(info)) callback();
  });
}

void EventLoop::Run() {
  while (!stopped_) RunOnce(std::chrono::hours(1));
  stopped_ = false;
}

void EventLoop::Stop() { stopped_ = true; }

std::optional<Time> EventLoop::NextTimer() const {
  std::optional<Time> next;
  for (const auto& [id, timer] : timers_) next = std::min(next.value_or(timer.due), timer.due);
  return next;
}

int EventLoop::WaitMilliseconds(Time wait) const {
  if (const std::optional<Time> next = NextTimer()) wait = std::min(wait, *next - Now());
  const auto rounded_up =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, Time::zero()));
  return static_cast<int>(std::min<int64_t>(rounded_up.count(), 3'600'000));
}

void EventLoop::RunOnce(Time wait) {
  std::array<epoll_event, 64> events{};
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               WaitMilliseconds(wait));
  // A callback may close a descriptor of this batch and a new one may get its number: hold the
  // watches first.
  std::array<std::shared_ptr<Watched>, 64> hit;
  for (int i = 0; i < ready; ++i) {
    const auto found = watched_.find(events[static_cast<size_t>(i)].data.fd);
    if (found != watched_.end()) hit[static_cast<size_t>(i)] = found->second;
  }
  for (size_t i = 0; ready > 0 && i < static_cast<size_t>(ready); ++i) {
    if (hit[i] && !hit[i]->gone && hit[i]->events != 0) hit[i]->callback(events[i].events);
  }
  RunPosted();
  RunTimers();
  if (after_round_) after_round_();
}

void EventLoop::RunPosted() {
  std::vector<Callback> work;
  {
    const std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
  }
  for (Callback& callback : work) callback();
}

void EventLoop::RunTimers() {
  const Time now = Now();
  std::vector<TimerId> due;
  for (const auto& [id, timer] : timers_) {
    if (timer.due <= now) due.push_back(id);
  }
  for (const TimerId id : due) {
    const auto found = timers_.find(id);
    if (found == timers_.end()) continue;  // cancelled by an earlier callback
    const Callback callback = found->second.callback;
    if (found->second.period == Time::zero()) {
      timers_.erase(found);
    } else {
      found->second.due = now + found->second.period;
    }
    callback();
  }
}

}  // namespace weft
