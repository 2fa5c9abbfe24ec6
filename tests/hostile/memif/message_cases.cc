// SPDX-License-Identifier: Apache-2.0
// Lies by message to a memif port that listens: every type, known or not, of any length, with any
// number of descriptors, at every stage of a session; and messages whose fields are wrong.
#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/tenant.h"

namespace weft::hostile {
namespace {

using memif::AddRegion;
using memif::Init;
using memif::Message;
using memif::MessageType;

constexpr std::array kStages = {MemifStage::kFresh, MemifStage::kKnown, MemifStage::kShared,
                                MemifStage::kRings, MemifStage::kRunning};
constexpr std::array kStageNames = {"fresh", "known", "shared", "with rings", "running"};
constexpr std::array<uint16_t, 13> kTypes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 0x100, 0xffff};
constexpr std::array<size_t, 6> kLengths = {0, 1, 127, 128, 129, 4096};
constexpr std::array<size_t, 5> kDescriptors = {0, 1, 2, 9, 253};

enum class Outcome : uint8_t { kAnswered, kGone, kRefused };

struct Lie {
  uint16_t type;
  size_t length;
  size_t fds;
  MemifStage stage;

  std::string Name() const {
    return Cat("type ", type, ", ", length, " bytes, ", fds, " descriptors, ",
               kStageNames[static_cast<size_t>(stage)]);
  }
  MessageType message() const { return static_cast<MessageType>(type); }

  // What libmemif's memif.h says of the messages to a server: a second opinion.
  Outcome Expected() const {
    if (length == 0 && fds == 0) return Outcome::kGone;  // as the end of a connection looks
    if (length != sizeof(Message)) return Outcome::kRefused;
    if (message() == MessageType::kDisconnect && fds == 0) return Outcome::kGone;
    const bool known = stage != MemifStage::kFresh && stage != MemifStage::kRunning;
    const bool legal =
        (message() == MessageType::kInit && stage == MemifStage::kFresh && fds == 0) ||
        (message() == MessageType::kAddRegion && known && fds == 1) ||
        (message() == MessageType::kAddRing && known && stage != MemifStage::kRings && fds == 1) ||
        (message() == MessageType::kConnect && stage == MemifStage::kRings && fds == 0);
    return legal ? Outcome::kAnswered : Outcome::kRefused;
  }
  // Why, if it is refused.
  std::string Reason() const {
    const std::string refusal = RefusalOf(type, length, fds);
    if (!refusal.empty()) return refusal;
    const bool known = stage != MemifStage::kFresh && stage != MemifStage::kRunning;
    if (known && message() == MessageType::kAddRing) return "it adds ring 0 after 1";
    if (known && message() == MessageType::kConnect) return "it connects without a ring";
    return Cat("a message of type ", type, " has no place here");
  }
};

// What an honest client would say at this stage.
Message HonestMessage(const MemifTenant& tenant, const Lie& lie) {
  switch (lie.message()) {
    case MessageType::kInit:
      return memif::testing::InitMessage();
    case MessageType::kAddRegion: {
      auto region = tenant.region_message().As<AddRegion>();
      region.index = lie.stage > MemifStage::kKnown ? 1 : 0;
      return {MessageType::kAddRegion, region};
    }
    case MessageType::kAddRing:
      return tenant.ring_message(true);
    case MessageType::kConnect:
      return memif::testing::ConnectMessage();
    default:
      return Message(lie.message());
  }
}

Complaint Play(Lane& lane, const Lie& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(lie.stage)) return "the honest part of it failed";
  const Message message = HonestMessage(tenant, lie);
  Payload bytes = PayloadOf(message);
  bytes.resize(lie.length);
  const int fd = lie.message() == MessageType::kAddRegion ? tenant.memory().memory.fd()
                                                          : tenant.interrupt(true);
  tenant.link().SendBytes(bytes, std::vector<int>(lie.fds, fd));
  switch (lie.Expected()) {
    case Outcome::kAnswered: {
      const bool connects = lie.message() == MessageType::kConnect;
      return tenant.link().Answers(connects ? MessageType::kConnected : MessageType::kAck)
                 ? ""
                 : "it was refused";
    }
    case Outcome::kGone:
      return tenant.link().Closed() ? lane.ExpectDown() : "nothing was said to it";
    case Outcome::kRefused:
      break;
  }
  return tenant.link().Closed() ? lane.ExpectReason(lie.Reason()) : "nothing was said to it";
}

// A client's first message whose fields are wrong, and the reason.
struct Introduction {
  const char* name;
  const char* reason;
  void (*change)(Init&);
};
const Introduction kIntroductions[] = {
    {"version 0", "it speaks version 0.0", [](Init& init) { init.version = 0; }},
    {"version 1.0", "it speaks version 1.0", [](Init& init) { init.version = 0x100; }},
    {"version 2.1", "it speaks version 2.1", [](Init& init) { init.version = 0x201; }},
    {"version 255.255", "it speaks version 255.255", [](Init& init) { init.version = 0xffff; }},
    {"interface 1", "it wants interface 1", [](Init& init) { init.id = 1; }},
    {"interface 2^32 - 1", "it wants interface 4294967295",
     [](Init& init) { init.id = 0xffff'ffff; }},
    {"IP", "only Ethernet frames", [](Init& init) { init.mode = 1; }},
    {"mode 255", "only Ethernet frames", [](Init& init) { init.mode = 255; }},
    {"a secret where there is none", "does not know the secret",
     [](Init& init) { init.secret[0] = 'x'; }},
    {"a secret's last byte", "does not know the secret",
     [](Init& init) { init.secret[memif::kSecretLength - 1] = 1; }},
};

Complaint PlayIntroduction(Lane& lane, const Introduction& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kFresh)) return "the honest part of it failed";
  auto init = memif::testing::InitMessage().As<Init>();
  lie.change(init);
  tenant.link().Send(Message(MessageType::kInit, init));
  return tenant.link().Closed() ? lane.ExpectReason(lie.reason) : "nothing was said to it";
}

// Names of all bytes, without an end, where text is shown to people.
Complaint PlayNames(Lane& lane, uint8_t byte) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kFresh)) return "the honest part of it failed";
  Message init = memif::testing::InitMessage();
  std::memset(init.body.data() + offsetof(Init, name), byte, sizeof(memif::Name));
  if (!tenant.Ask(init)) return "it was refused";
  if (lane.shell().Ask("show port " + lane.liar_port()).is_null()) return "it cannot be shown";
  Message farewell(MessageType::kDisconnect);
  farewell.body.fill(std::byte{byte});
  tenant.link().Send(farewell);
  return tenant.link().Closed() ? lane.ExpectDown() : "nobody lets it go";
}

}  // namespace

CaseClass MemifMessageCases(bool full, uint32_t seed) {
  constexpr size_t kSample = 120;
  std::vector<Lie> lies;
  for (const uint16_t type : kTypes) {
    for (const size_t length : kLengths) {
      for (const size_t fds : kDescriptors) {
        for (const MemifStage stage : kStages) lies.push_back({type, length, fds, stage});
      }
    }
  }
  if (!full) {
    std::mt19937 random(seed);
    std::shuffle(lies.begin(), lies.end(), random);
    // Of those that are messages a few more.
    std::stable_partition(lies.begin(), lies.begin() + 4 * kSample,
                          [](const Lie& lie) { return lie.length == sizeof(Message); });
    lies.resize(kSample);
  }
  CaseClass all{.name = "memif-message", .cases = {}};
  for (const Lie& lie : lies) {
    all.cases.push_back({lie.Name(), [lie](Lane& lane) { return Play(lane, lie); }});
  }
  for (const Introduction& lie : kIntroductions) {
    all.cases.push_back({lie.name, [&lie](Lane& lane) { return PlayIntroduction(lane, lie); }});
  }
  for (const uint8_t byte : std::initializer_list<uint8_t>{1, 10, 27, 34, 92, 128, 255}) {
    all.cases.push_back(
        {Cat("names of byte ", byte), [byte](Lane& lane) { return PlayNames(lane, byte); }});
  }
  return PlayedBy(Liar::kMemif, std::move(all));
}

}  // namespace weft::hostile
