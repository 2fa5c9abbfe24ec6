// SPDX-License-Identifier: Apache-2.0
// Lies of a memif server, to whom weft is the client: by message at every step of the handshake,
// and by what it writes into memory that is weft's.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/server.h"

namespace weft::hostile {
namespace {

using memif::Descriptor;
using memif::Hello;
using memif::Message;
using memif::MessageType;

constexpr std::array kStages = {ServerStage::kFresh, ServerStage::kGreeted,
                                ServerStage::kConnecting, ServerStage::kRunning};
constexpr std::array kStageNames = {"fresh", "greeted", "connecting", "running"};
constexpr std::array<uint16_t, 12> kTypes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 0xffff};
constexpr std::array<size_t, 5> kLengths = {0, 127, 128, 129, 4096};
constexpr std::array<size_t, 4> kDescriptors = {0, 1, 2, 253};

enum class Outcome : uint8_t { kGoesOn, kGone, kRefused };

struct Lie {
  uint16_t type;
  size_t length;
  size_t fds;
  ServerStage stage;

  std::string Name() const {
    return Cat("type ", type, ", ", length, " bytes, ", fds, " descriptors, ",
               kStageNames[static_cast<size_t>(stage)]);
  }
  // What libmemif's memif.h says of the messages to a client: a second opinion.
  Outcome Expected() const {
    const auto message = static_cast<MessageType>(type);
    if (length == 0 && fds == 0) return Outcome::kGone;  // as the end of a connection looks
    if (length != sizeof(Message) || fds != 0) return Outcome::kRefused;
    if (message == MessageType::kDisconnect) return Outcome::kGone;
    const bool legal = (message == MessageType::kHello && stage == ServerStage::kFresh) ||
                       (message == MessageType::kAck && stage == ServerStage::kGreeted) ||
                       (message == MessageType::kConnected && stage == ServerStage::kConnecting);
    return legal ? Outcome::kGoesOn : Outcome::kRefused;
  }
  // Why, if it is refused.
  std::string Reason() const {
    const std::string refusal = RefusalOf(type, length, fds);
    return refusal.empty() ? Cat("a message of type ", type, " has no place here") : refusal;
  }
};

Complaint PlayMessage(Lane& lane, const Lie& lie) {
  MemifServer server(lane.liar_socket());
  if (!server.Reach(lie.stage)) return "the honest part of it failed";
  if (lie.stage == ServerStage::kRunning) {
    const Complaint complaint = lane.ExpectUp();
    if (!complaint.empty()) return complaint;
  }
  const auto type = static_cast<MessageType>(lie.type);
  Payload bytes = PayloadOf(type == MessageType::kHello ? Message(type, MemifServer::HonestHello())
                                                        : Message(type));
  bytes.resize(lie.length);
  const UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  server.link().SendBytes(bytes, std::vector<int>(lie.fds, event.get()));
  switch (lie.Expected()) {
    case Outcome::kGoesOn:
      if (lie.stage == ServerStage::kConnecting) return lane.ExpectUp();
      return server.link().Answers(lie.stage == ServerStage::kFresh ? MessageType::kInit
                                                                    : MessageType::kAddRegion)
                 ? ""
                 : "it was refused";
    case Outcome::kGone:
      return server.link().Closed() ? lane.ExpectDown() : "nobody lets it go";
    case Outcome::kRefused:
      break;
  }
  return server.link().Closed() ? lane.ExpectReason(lie.Reason()) : "nothing was said to it";
}

// What a HELLO may say.
struct Greeting {
  const char* name;
  const char* reason;  // null: weft makes do with it
  void (*change)(Hello&);
};
constexpr const char* kVersion = "does not speak version 2.0";
const Greeting kGreetings[] = {
    {"older versions", kVersion, [](Hello& h) { h.min_version = h.max_version = 0x100; }},
    {"newer versions", kVersion, [](Hello& h) { h.min_version = h.max_version = 0x201; }},
    {"a range of none", kVersion,
     [](Hello& h) {
       h.min_version = 0xffff;
       h.max_version = 0;
     }},
    {"rings of one descriptor", "wants rings of one descriptor",
     [](Hello& h) { h.max_log2_ring_size = 0; }},
    {"any version", nullptr,
     [](Hello& h) {
       h.min_version = 0;
       h.max_version = 0xffff;
     }},
    {"rings of two descriptors", nullptr, [](Hello& h) { h.max_log2_ring_size = 1; }},
    {"rings of 2^255 descriptors", nullptr, [](Hello& h) { h.max_log2_ring_size = 255; }},
    {"65536 rings", nullptr, [](Hello& h) { h.max_to_client = h.max_to_server = 0xffff; }},
    {"a name of all bits", nullptr, [](Hello& h) { std::memset(&h.name, 0xff, sizeof(h.name)); }},
};

Complaint PlayGreeting(Lane& lane, const Greeting& lie) {
  MemifServer server(lane.liar_socket());
  if (!server.Reach(ServerStage::kFresh)) return "the honest part of it failed";
  Hello hello = MemifServer::HonestHello();
  lie.change(hello);
  server.link().Send(Message(MessageType::kHello, hello));
  if (lie.reason == nullptr) {
    return server.link().Answers(MessageType::kInit) ? "" : "it was refused";
  }
  return server.link().Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
}

// More acknowledgements than there are pieces, all at once: what is behind the last of them has no
// place.
Complaint PlayManyAcks(Lane& lane) {
  MemifServer server(lane.liar_socket());
  if (!server.Reach(ServerStage::kGreeted)) return "the honest part of it failed";
  for (int i = 0; i < 100; ++i) server.link().Send(Message(MessageType::kAck));
  return server.link().Closed() ? lane.ExpectReason("a message of type 1 has no place here")
                                : "nothing was said to it";
}

// ---- Memory

// What the server does to rings that run, and have run: frames were both ways.
struct Scribble {
  const char* name;
  const char* reason;  // null: frames pass on
  void (*act)(MemifServer& server);
};
constexpr const char* kAhead = "index is further ahead";

void AllDescriptors(MemifServer& server, const Descriptor& descriptor) {
  for (auto* ring : {&server.from_switch(), &server.to_switch()}) {
    for (size_t i = 0; i < ring->size(); ++i) ring->Put(i, descriptor);
  }
}

const Scribble kScribbles[] = {
    {"its tail one too far, of frames to the switch", kAhead,
     [](MemifServer& s) { s.to_switch().set_tail(s.to_switch().head() + 1U); }},
    {"its tail half of 2^16 too far, of frames to the switch", kAhead,
     [](MemifServer& s) { s.to_switch().set_tail(s.to_switch().head() + 0x8000U); }},
    {"its tail one back, of frames to the switch", kAhead,
     [](MemifServer& s) { s.to_switch().set_tail(s.to_switch().tail() - 1U); }},
    {"its tail one too far, of frames from it", kAhead,
     [](MemifServer& s) { s.from_switch().set_tail(s.from_switch().head() + 1U); }},
    {"its tail a ring back, of frames from it", kAhead,
     [](MemifServer& s) { s.from_switch().set_tail(s.from_switch().head() - 65U); }},
    {"cookies", nullptr,
     [](MemifServer& s) {
       for (auto* ring : {&s.from_switch(), &s.to_switch()}) {
         s.memory().Put<uint32_t>(ring->offset(), 0);
       }
     }},
    {"a hole punched over all of it", kAhead,
     [](MemifServer& s) {
       fallocate(s.memory().fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                 static_cast<off_t>(s.memory().size()));
     }},
};

Complaint PlayScribble(Lane& lane, const Scribble& lie) {
  MemifServer server(lane.liar_socket());
  if (!server.Run()) return "the honest part of it failed";
  const Complaint complaint = lane.ExpectFrames(server);
  if (!complaint.empty()) return complaint;
  lie.act(server);
  if (lie.reason == nullptr) return lane.ExpectFrames(server);
  server.Kick();
  lane.witness().Transmit(lane.FrameToLiar());
  return lane.ExpectReason(lie.reason);
}

// Where a buffer is, and what its descriptor says, is not the server's to say; how long a frame in
// it is, is.
Complaint PlayDescriptors(Lane& lane, const Descriptor& descriptor, const char* drop) {
  MemifServer server(lane.liar_socket());
  if (!server.Run()) return "the honest part of it failed";
  const Complaint complaint = lane.ExpectFrames(server);
  if (!complaint.empty()) return complaint;
  const uint64_t before = drop == nullptr ? 0 : lane.Drops(drop);
  AllDescriptors(server, descriptor);
  server.to_switch().set_tail(server.to_switch().tail() + 8U);
  server.Kick();
  for (int i = 0; i < 8; ++i) lane.witness().Transmit(lane.FrameToLiar());
  if (drop != nullptr) {
    const Complaint not_dropped = lane.ExpectDrop(drop, before);
    if (!not_dropped.empty()) return not_dropped;
  }
  return lane.ExpectUp();
}

// Weft's memory is as long as it is.
Complaint PlayResize(Lane& lane) {
  MemifServer server(lane.liar_socket());
  if (!server.Run()) return "the honest part of it failed";
  const int file = server.memory().fd();
  for (const off_t length : {off_t{0}, off_t{4096}, off_t{1} << 30}) {
    if (ftruncate(file, length) == 0) return Cat("weft's memory has ", length, " bytes now");
  }
  if (fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == 0) return "weft's memory was sealed";
  return lane.ExpectFrames(server);
}

// Another thread writes anything anywhere into it, but for the server's own indexes.
Complaint PlayRace(Lane& lane, uint32_t seed, size_t rounds) {
  MemifServer server(lane.liar_socket());
  if (!server.Run()) return "the honest part of it failed";
  Complaint complaint = lane.ExpectFrames(server);
  if (!complaint.empty()) return complaint;
  std::atomic<bool> stop{false};
  std::thread racer([&] {
    std::minstd_rand random(seed);
    const auto value = [&random] { return static_cast<uint32_t>(random()); };
    while (!stop) {
      for (int i = 0; i < 256; ++i) {
        const auto& ring = value() % 2 == 0 ? server.from_switch() : server.to_switch();
        const size_t at =
            ring.offset() + memif::kRingDescriptors + 4 * (value() % (4 * size_t{ring.size()}));
        server.memory().Put<uint32_t>(at, value() % 3 == 0 ? 400U : value());
      }
    }
  });
  for (size_t i = 0; i < rounds; ++i) {
    const auto& ring = server.to_switch();
    const auto free = static_cast<uint16_t>(ring.head() - ring.tail());
    ring.set_tail(ring.tail() + size_t{free});
    server.from_switch().set_tail(server.from_switch().head());
    server.Kick();
    if (i % 8 == 0 && lane.witness().on_the_way() < 64) lane.witness().Transmit(lane.FrameToLiar());
    lane.Watch();
    usleep(10);
  }
  stop = true;
  racer.join();
  return lane.ExpectUp();
}

}  // namespace

CaseClass MemifServerMessageCases(bool full, uint32_t seed) {
  constexpr size_t kSample = 60;
  std::vector<Lie> lies;
  for (const uint16_t type : kTypes) {
    for (const size_t length : kLengths) {
      for (const size_t fds : kDescriptors) {
        for (const ServerStage stage : kStages) lies.push_back({type, length, fds, stage});
      }
    }
  }
  if (!full) {
    std::mt19937 random(seed);
    std::shuffle(lies.begin(), lies.end(), random);
    std::stable_partition(lies.begin(), lies.begin() + 3 * kSample,
                          [](const Lie& lie) { return lie.length == sizeof(Message); });
    lies.resize(kSample);
  }
  CaseClass all{.name = "memif-server-message", .cases = {}};
  for (const Lie& lie : lies) {
    all.cases.push_back({lie.Name(), [lie](Lane& lane) { return PlayMessage(lane, lie); }});
  }
  for (const Greeting& lie : kGreetings) {
    all.cases.push_back(
        {Cat("greeting: ", lie.name), [&lie](Lane& lane) { return PlayGreeting(lane, lie); }});
  }
  all.cases.push_back({"a hundred acknowledgements", PlayManyAcks});
  return PlayedBy(Liar::kMemifServer, std::move(all));
}

CaseClass MemifServerRingCases(bool full, uint32_t seed) {
  constexpr uint32_t kAll = 0xffff'ffff;
  CaseClass all{.name = "memif-server-ring", .cases = {}};
  for (const Scribble& lie : kScribbles) {
    all.cases.push_back({lie.name, [&lie](Lane& lane) { return PlayScribble(lane, lie); }});
  }
  struct Row {
    const char* name;
    Descriptor descriptor;
    const char* drop;
  };
  const Row rows[] = {
      {"another region", {0, 0xffff, 60, 0, 0}, nullptr},
      {"another place", {0, 0, 60, kAll, kAll}, nullptr},
      {"no byte", {0, 0, 0, 0, 0}, "runt"},
      {"13 bytes", {0, 0, 13, 0, 0}, "runt"},
      {"a byte more than a buffer", {0, 0, 2049, 0, 0}, "unmapped"},
      {"9217 bytes", {0, 0, 9217, 0, 0}, "too-long"},
      {"2^32 - 1 bytes", {0, 0, kAll, 0, 0}, "too-long"},
      {"a frame that goes on", {Descriptor::kNext, 0, 1, 0, 0}, "chain-cut"},
  };
  for (const Row& row : rows) {
    all.cases.push_back({Cat("descriptors: ", row.name), [row](Lane& lane) {
                           return PlayDescriptors(lane, row.descriptor, row.drop);
                         }});
  }
  all.cases.push_back({"the length of weft's memory", PlayResize});
  const size_t rounds = full ? 100'000 : 1'000;
  all.cases.push_back({"a race for descriptors",
                       [seed, rounds](Lane& lane) { return PlayRace(lane, seed, rounds); }});
  return PlayedBy(Liar::kMemifServer, std::move(all));
}

}  // namespace weft::hostile
