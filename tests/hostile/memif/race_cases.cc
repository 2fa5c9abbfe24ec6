// SPDX-License-Identifier: Apache-2.0
// Lies by race to a memif port that listens: another thread rewrites what the switch reads, while
// it reads it. What was checked must be what is sent: no forged source and no frame for another
// address comes to a witness.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/tenant.h"

namespace weft::hostile {
namespace {

using memif::Descriptor;
using memif::testing::ClientMemory;
using memif::testing::PeerRing;

constexpr uint16_t kRing = 64;  // no more at a time than a witness has room for
constexpr uint32_t kFrameBytes = 400;
constexpr uint64_t kShortRace = 20'000;  // descriptors that the switch has taken
constexpr uint64_t kLongRace = 1'000'000;

// What is rewritten.
enum class Field : uint8_t { kLength, kOffset, kRegion, kFlags, kMacs, kRings, kIndex, kAll };
constexpr std::pair<Field, const char*> kFields[] = {
    {Field::kLength, "lengths"},
    {Field::kOffset, "offsets"},
    {Field::kRegion, "regions"},
    {Field::kFlags, "flags"},
    {Field::kMacs, "addresses of frames"},
    {Field::kRings, "cookies and flags of rings"},
    {Field::kIndex, "indexes"},
    {Field::kAll, "all of it"},
};

template <typename T, size_t N>
T OneOf(const std::array<T, N>& values, uint32_t random) {
  return values[random % N];
}

class Racer {
 public:
  Racer(ClientMemory& memory, std::array<uint8_t, 2> sources, Field field, uint32_t seed)
      : memory_(memory), sources_(sources), field_(field), random_(seed), thread_([this] {
          Run();
        }) {}
  ~Racer() {
    stop_ = true;
    thread_.join();
  }
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;

 private:
  uint32_t Random() { return static_cast<uint32_t>(random_()); }

  void Run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 256; ++i) {
        const auto other = static_cast<Field>(Random() % static_cast<unsigned>(Field::kAll));
        Rewrite(field_ == Field::kAll ? other : field_);
      }
    }
  }

  // Of both rings: that of the frames, and that of the buffers.
  void Rewrite(Field field) {
    const PeerRing& ring = Random() % 4 == 0 ? memory_.in : memory_.out;
    const uint32_t slot = Random() % ring.size();
    const size_t at = ring.offset() + memif::kRingDescriptors + sizeof(Descriptor) * slot;
    const uint32_t buffer = memory_.OutBuffer(slot);
    const auto end = static_cast<uint32_t>(memory_.memory.size());
    switch (field) {
      case Field::kLength: {
        constexpr std::array<uint32_t, 8> kLengths = {kFrameBytes, kFrameBytes, 130,  13,
                                                      0,           1514,        9217, 0xffff'ffff};
        memory_.memory.Put(at + offsetof(Descriptor, length), OneOf(kLengths, Random()));
        return;
      }
      case Field::kOffset:
        memory_.memory.Put(
            at + offsetof(Descriptor, offset),
            OneOf(std::array{buffer, buffer, buffer + 1, end - 8, 0xffff'fff8U}, Random()));
        return;
      case Field::kRegion:
        memory_.memory.Put(at + offsetof(Descriptor, region),
                           OneOf(std::array<uint16_t, 5>{0, 0, 1, 8, 0xffff}, Random()));
        return;
      case Field::kFlags:
        memory_.memory.Put(at + offsetof(Descriptor, flags),
                           OneOf(std::array<uint16_t, 4>{0, 0, 1, 0xffff}, Random()));
        return;
      case Field::kMacs:
        memory_.memory.Put(buffer + Lane::kDestinationByte, Lane::kDestinations[Random() % 2]);
        memory_.memory.Put(buffer + Lane::kSourceByte, sources_[Random() % 2]);
        return;
      case Field::kRings:
        memory_.memory.Put(ring.offset() + memif::kRingCookie, Random());
        ring.set_flags(static_cast<uint16_t>(Random()));
        return;
      case Field::kIndex:
        // Seldom, for the port is in error then.
        if (Random() % 4096 == 0) ring.set_head(Random());
        return;
      case Field::kAll:
        return;
    }
  }

  ClientMemory& memory_;
  const std::array<uint8_t, 2> sources_;
  const Field field_;
  std::minstd_rand random_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct Race {
  Field field;
  uint64_t descriptors;
  uint32_t seed;
};

// Sends the same frames round and round, and offers buffers likewise.
class Sender {
 public:
  Sender(Lane& lane, MemifTenant& tenant) : memory_(tenant.memory()) {
    for (uint32_t slot = 0; slot < kRing; ++slot) {
      const Bytes frame = lane.FrameToWitness();
      std::copy_n(frame.begin(), std::min<size_t>(frame.size(), kFrameBytes),
                  memory_.memory.at(memory_.OutBuffer(slot)));
    }
  }
  // How many descriptors the switch has taken since the last time.
  uint16_t Again() {
    const auto taken = static_cast<uint16_t>(memory_.out.tail() - taken_);
    taken_ = static_cast<uint16_t>(taken_ + taken);
    while (static_cast<uint16_t>(memory_.sent - taken_) < kRing) {
      const uint16_t at = memory_.sent++;
      Put(memory_.out, at, memory_.OutBuffer(at), kFrameBytes);
    }
    memory_.out.set_head(memory_.sent);
    while (static_cast<uint16_t>(memory_.offered - memory_.in.tail()) < kRing) {
      const uint16_t at = memory_.offered++;
      Put(memory_.in, at, memory_.InBuffer(at), ClientMemory::kBuffer);
    }
    memory_.in.set_head(memory_.offered);
    return taken;
  }

 private:
  // As a racing thread may write the same.
  void Put(const PeerRing& ring, uint16_t position, uint32_t buffer, uint32_t length) {
    const size_t at =
        ring.offset() + memif::kRingDescriptors + sizeof(Descriptor) * (position & (kRing - 1U));
    memory_.memory.Put<uint64_t>(at, uint64_t{length} << 32);
    memory_.memory.Put<uint32_t>(at + offsetof(Descriptor, offset), buffer);
  }

  ClientMemory& memory_;
  uint16_t taken_ = 0;
};

// One session of it: ends when the switch has taken `most` descriptors, has closed, or has stopped
// taking any. Returns how many it took.
uint64_t RunSession(Lane& lane, const Race& race, uint64_t most, uint32_t seed) {
  MemifTenant tenant({.socket = lane.liar_socket(), .ring = kRing});
  if (!tenant.Run()) return 0;
  Sender sender(lane, tenant);
  const auto closed = [&tenant] {
    std::byte byte;
    return recv(tenant.link().socket(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
  };
  uint64_t taken = 0;
  uint32_t turn = 0;
  const auto some = [&] {
    tenant.Kick();
    lane.Watch();
    if (turn++ % 8 == 0 && lane.witness().on_the_way() < 64)
      lane.witness().Transmit(lane.FrameToLiar());
    const uint16_t now = sender.Again();
    taken += now;
    return now != 0;
  };
  // Nobody rewrites anything before the switch has taken some: a worker that waits for its core may
  // see none but the lie, and then the race has not been run.
  if (!Await([&] { return some() || closed(); })) return 0;
  const Racer racer(tenant.memory(), lane.sources(), race.field, seed);
  constexpr size_t kStandstill = 2000;
  for (size_t idle = 0; taken < most && idle < kStandstill && !closed();) {
    idle = some() ? 0 : idle + 1;
    if (idle > 0) usleep(10);
  }
  return taken;
}

Complaint Play(Lane& lane, const Race& race) {
  uint64_t taken = 0;
  // A port in error waits before it takes the next connection: as many sessions as that allows.
  constexpr uint32_t kMostSessions = 20;
  uint32_t sessions = 0;
  for (; taken < race.descriptors && sessions < kMostSessions; ++sessions) {
    taken +=
        RunSession(lane, race, race.descriptors - taken, race.seed * kMostSessions + sessions + 1);
  }
  return taken == 0 ? "the switch took nothing" : "";
}

// Another thread truncates the file, and grows it again, while frames go both ways.
Complaint PlayTruncation(Lane& lane) {
  MemifTenant tenant({.socket = lane.liar_socket(), .ring = kRing});
  if (!tenant.Run()) return "the honest part of it failed";
  Complaint complaint = lane.ExpectFrames(tenant);
  if (!complaint.empty()) return complaint;
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    const int file = tenant.memory().memory.fd();
    const auto size = static_cast<off_t>(tenant.memory().memory.size());
    while (!stop) {
      // Nobody here touches the memory from now on.
      if (ftruncate(file, 0) != 0 || ftruncate(file, size) != 0) return;
    }
  });
  for (int i = 0; i < 20; ++i) lane.witness().Transmit(lane.FrameToLiar());
  tenant.Kick();
  complaint = lane.ExpectReason("");
  stop = true;
  thread.join();
  return complaint;
}

}  // namespace

CaseClass MemifRaceCases(bool full, uint32_t seed, bool guarded) {
  CaseClass all{
      .name = guarded ? "memif-race" : "memif-race-without-guard", .cases = {}, .guarded = guarded};
  for (const auto& [field, name] : kFields) {
    const Race race{field, full ? kLongRace : kShortRace, seed};
    all.cases.push_back({name, [race](Lane& lane) { return Play(lane, race); }});
  }
  all.cases.push_back({"the length of the file", PlayTruncation});
  return PlayedBy(Liar::kMemif, std::move(all));
}

}  // namespace weft::hostile
