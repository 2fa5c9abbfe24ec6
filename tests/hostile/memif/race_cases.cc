// SPDX-License-Identifier: Apache-2.0
// Lies by race to a memif port that listens: another thread rewrites what the switch reads, while
// it reads it. What was checked must be what is sent: no forged source and no frame for another
// address comes to a witness.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/tenant.h"
#include "tests/hostile/race.h"

namespace weft::hostile {
namespace {

using memif::Descriptor;
using memif::testing::ClientMemory;
using memif::testing::PeerRing;

constexpr uint16_t kRing = 64;  // no more at a time than a witness has room for
constexpr uint32_t kFrameBytes = 400;
constexpr uint64_t kShortRace = 20'000;  // descriptors that the switch has taken
constexpr uint64_t kLongRace = 1'000'000;
constexpr const char* kVanished = "was gone when a ring used it";
constexpr const char* kAhead = "index is further ahead";

// What is rewritten of a client's memory.
class MemoryRewriter {
 public:
  enum class Field : uint8_t {
    kLength,
    kOffset,
    kRegion,
    kFlags,
    kMacs,
    kTypes,
    kRings,
    kIndex,
    kAll
  };

  MemoryRewriter(ClientMemory& memory, std::array<uint8_t, 2> sources, uint32_t frame_bytes)
      : memory_(memory), sources_(sources), frame_bytes_(frame_bytes) {}

  // Of both rings: that of the frames, and that of the buffers.
  void Rewrite(Field field, Dice& dice) {
    const PeerRing& ring = dice.OneIn(4) ? memory_.in : memory_.out;
    const uint32_t slot = dice() % ring.size();
    const size_t at = ring.offset() + memif::kRingDescriptors + sizeof(Descriptor) * slot;
    const uint32_t buffer = memory_.OutBuffer(slot);
    const auto end = static_cast<uint32_t>(memory_.memory.size());
    switch (field) {
      case Field::kLength:
        Put(at + offsetof(Descriptor, length),
            dice.OneOf(std::array<uint32_t, 8>{frame_bytes_, frame_bytes_, 130, 13, 0, kTaggedFrame,
                                               9217, 0xffff'ffff}));
        return;
      case Field::kOffset:
        Put(at + offsetof(Descriptor, offset),
            dice.OneOf(std::array{buffer, buffer, buffer + 1, end - 8, 0xffff'fff8U}));
        return;
      case Field::kRegion:
        Put(at + offsetof(Descriptor, region),
            dice.OneOf(std::array<uint16_t, 5>{0, 0, 1, 8, 0xffff}));
        return;
      case Field::kFlags:
        Put(at + offsetof(Descriptor, flags), dice.OneOf(std::array<uint16_t, 4>{0, 0, 1, 0xffff}));
        return;
      case Field::kMacs:
        Put(buffer + Lane::kDestinationByte, dice.OneOf(Lane::kDestinations));
        Put(buffer + Lane::kSourceByte, dice.OneOf(sources_));
        return;
      case Field::kTypes:
        Put(buffer + kEtherTypeAt, dice.OneOf(kEtherTypes));
        Put(buffer + kEtherTypeAt + 2, static_cast<uint16_t>(dice()));
        Put(buffer + kEtherTypeAt + 4, dice.OneOf(kEtherTypes));
        return;
      case Field::kRings:
        Put(ring.offset() + memif::kRingCookie, dice());
        ring.set_flags(static_cast<uint16_t>(dice()));
        return;
      case Field::kIndex:
        // Seldom, for the port is in error then.
        if (dice.OneIn(4096)) ring.set_head(dice());
        return;
      case Field::kAll:
        return;
    }
  }

 private:
  template <typename T>
  void Put(size_t at, T value) {
    memory_.memory.Put(at, value);
  }

  ClientMemory& memory_;
  std::array<uint8_t, 2> sources_;
  uint32_t frame_bytes_;
};
using Field = MemoryRewriter::Field;

constexpr std::pair<Field, const char*> kFields[] = {
    {Field::kLength, "lengths"},
    {Field::kOffset, "offsets"},
    {Field::kRegion, "regions"},
    {Field::kFlags, "flags"},
    {Field::kMacs, "addresses of frames"},
    {Field::kTypes, "types and tags of frames"},
    {Field::kRings, "cookies and flags of rings"},
    {Field::kIndex, "indexes"},
    {Field::kAll, "all of it"},
};

struct Race {
  Field field;
  uint64_t descriptors;
  uint32_t seed;
};

// Sends the same frames round and round, and offers buffers likewise.
class Sender {
 public:
  Sender(Lane& lane, MemifTenant& tenant, uint32_t frame_bytes)
      : memory_(tenant.memory()), frame_bytes_(frame_bytes) {
    for (uint32_t slot = 0; slot < kRing; ++slot) {
      const Bytes frame = lane.FrameToWitness();
      std::copy_n(frame.begin(), std::min<size_t>(frame.size(), frame_bytes),
                  memory_.memory.at(memory_.OutBuffer(slot)));
    }
  }
  // How many descriptors the switch has taken since the last time.
  uint16_t Again() {
    const auto taken = static_cast<uint16_t>(memory_.out.tail() - taken_);
    taken_ = static_cast<uint16_t>(taken_ + taken);
    while (static_cast<uint16_t>(memory_.sent - taken_) < kRing) {
      const uint16_t at = memory_.sent++;
      Put(memory_.out, at, memory_.OutBuffer(at), frame_bytes_);
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
  const uint32_t frame_bytes_;
  uint16_t taken_ = 0;
};

// One session of it. Returns how many descriptors the switch took.
uint64_t RunSession(Lane& lane, const Race& race, uint64_t most, uint32_t seed) {
  MemifTenant tenant({.socket = lane.liar_socket(), .ring = kRing});
  if (!tenant.Run()) return 0;
  const uint32_t frame_bytes = race.field == Field::kTypes ? kTaggedFrame : kFrameBytes;
  Sender sender(lane, tenant, frame_bytes);
  uint32_t turn = 0;
  const auto some = [&]() -> uint64_t {
    tenant.Kick();
    lane.Watch();
    if (turn++ % 8 == 0 && lane.witness().on_the_way() < 64)
      lane.witness().Transmit(lane.FrameToLiar());
    return sender.Again();
  };
  return RaceSession(tenant.link().socket(), most, some,
                     MemoryRewriter(tenant.memory(), lane.sources(), frame_bytes), race.field,
                     seed);
}

Complaint Play(Lane& lane, const Race& race) {
  const auto session = [&](uint64_t most, uint32_t seed) {
    return RunSession(lane, race, most, seed);
  };
  return PlayRace(race.descriptors, race.seed, session, [] { return true; });
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
  complaint = lane.ExpectOneOf({kVanished, kAhead});
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
