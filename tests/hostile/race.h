// SPDX-License-Identifier: Apache-2.0
// What races are made of, whatever the protocol: a thread that rewrites what the switch reads while
// it does, and the sessions in which the switch is given work meanwhile. Each protocol has its own
// Rewriter, which says what may be rewritten:
//
//   using Field;                what, an enum whose last one is kAll: any of the others
//   void Rewrite(Field, Dice&)  something of it, to something
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>

#include "tests/hostile/lane.h"
#include "tests/hostile/link.h"

namespace weft::hostile {

// EtherTypes as they stand in memory, big-endian: one of nobody's, two that let a frame be longer,
// and what weft itself would read. With a tag the second is that of the frame in it.
inline constexpr std::array<uint16_t, 8> kEtherTypes = {0xb588, 0xb588, 0x0081, 0xa888,
                                                        0x0008, 0xdd86, 0x0608, 0x0000};
inline constexpr size_t kEtherTypeAt = 12;  // in a frame; the tag's number and the next type follow
// As long as a frame may be that has a tag, and none else.
inline constexpr uint32_t kTaggedFrame = 1518;

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  uint32_t operator()() { return static_cast<uint32_t>(random_()); }
  bool OneIn(uint32_t times) { return (*this)() % times == 0; }
  template <typename T, size_t N>
  T OneOf(const std::array<T, N>& values) {
    return values[(*this)() % N];
  }

 private:
  std::minstd_rand random_;
};

// Rewrites until it goes.
template <typename Rewriter>
class Racer {
 public:
  using Field = typename Rewriter::Field;

  Racer(Rewriter rewriter, Field field, uint32_t seed)
      : rewriter_(std::move(rewriter)), field_(field), dice_(seed), thread_([this] { Run(); }) {}
  ~Racer() {
    stop_ = true;
    thread_.join();
  }
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;

  // It has had its turn on a core.
  bool has_run() const { return has_run_.load(std::memory_order_relaxed); }

 private:
  void Run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 256; ++i) {
        const auto any = static_cast<Field>(dice_() % static_cast<unsigned>(Field::kAll));
        rewriter_.Rewrite(field_ == Field::kAll ? any : field_, dice_);
      }
      has_run_.store(true, std::memory_order_relaxed);
    }
  }

  Rewriter rewriter_;
  const Field field_;
  Dice dice_;
  std::atomic<bool> has_run_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// True if the other end has closed, or says something: while rings run that is a farewell.
inline bool HasEnded(int socket) {
  std::byte byte;
  return recv(socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
}

// One session: ends when the switch has taken `most` of what others rewrite, has closed, or has
// stopped taking any. `some` gives it some more and returns how many it has taken since. Returns
// how many it took.
template <typename Some, typename Rewriter>
uint64_t RaceSession(int socket, uint64_t most, const Some& some, Rewriter rewriter,
                     typename Rewriter::Field field, uint32_t seed) {
  uint64_t taken = 0;
  const auto more = [&] {
    const uint64_t now = some();
    taken += now;
    return now != 0;
  };
  // Nobody rewrites anything before the switch has taken some: a worker that waits for its core may
  // see none but the lie, and then the race has not been run.
  if (!Await([&] { return more() || HasEnded(socket); })) return 0;
  const Racer<Rewriter> racer(std::move(rewriter), field, seed);
  constexpr size_t kStandstill = 2000;
  const auto enough = [&] { return taken >= most && racer.has_run(); };
  for (size_t idle = 0; !enough() && idle < kStandstill && !HasEnded(socket);) {
    idle = more() ? 0 : idle + 1;
    if (idle > 0) usleep(10);
  }
  return taken;
}

// Sessions, one after the other, until the switch has taken so many of what they gave it, and
// `met` besides. `session` plays one, with so many to take and a seed, and returns how many it
// took.
template <typename Session, typename Met>
Complaint PlayRace(uint64_t wanted, uint32_t seed, const Session& session, const Met& met) {
  uint64_t taken = 0;
  // A port in error waits before it takes the next connection: as many sessions as that allows.
  constexpr uint32_t kMostSessions = 20;
  const auto done = [&] { return taken >= wanted && met(); };
  for (uint32_t i = 0; i < kMostSessions && !done(); ++i) {
    // Who has not met yet goes on for as long again.
    const uint64_t rest = taken < wanted ? wanted - taken : wanted;
    taken += session(rest, seed * kMostSessions + i + 1);
  }
  return taken == 0 ? "the switch took nothing" : "";
}

}  // namespace weft::hostile
