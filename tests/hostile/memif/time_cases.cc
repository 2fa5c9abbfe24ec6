// SPDX-License-Identifier: Apache-2.0
// Lies by time, to memif ports in both roles: connections that are never made, or too slowly, and
// too many of them. No case depends on how long something takes here: who never finishes is too
// late on any machine.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/text.h"
#include "core/base/unix_socket.h"
#include "tests/hostile/flood.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/server.h"
#include "tests/hostile/memif/tenant.h"

namespace weft::hostile {
namespace {

using memif::Message;
using memif::MessageType;
using memif::testing::InitMessage;
using memif::testing::RegionMessage;

constexpr const char* kLate = "the connection was not made in time";

// Up to a stage, and then nothing.
struct Stop {
  MemifStage stage;
  const char* name;
  const char* lacks;
};
constexpr Stop kStops[] = {
    {MemifStage::kFresh, "says nothing", "has not said which interface it wants"},
    {MemifStage::kKnown, "shares no memory", "has shared no memory"},
    {MemifStage::kShared, "has no rings", "has no rings yet"},
    {MemifStage::kRings, "does not connect", "has not asked for the connection to begin"},
};

Complaint PlayStop(Lane& lane, const Stop& lie) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(lie.stage)) return "the honest part of it failed";
  if (!tenant.link().Closed()) return "nobody lost patience";
  return lane.ExpectReason(Cat(kLate, ": the peer ", lie.lacks));
}

// One right message every now and then: each keeps the connection alive for nobody.
Complaint PlaySlowly(Lane& lane) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kKnown)) return "the honest part of it failed";
  for (uint16_t region = 0; region < memif::kMaxRegions; ++region) {
    usleep(1'000'000);
    if (!tenant.Ask(RegionMessage(4096, region), tenant.memory().memory.fd())) {
      return lane.ExpectReason(kLate);
    }
  }
  return "nobody lost patience";
}

// All that it has to say at once, and nobody who reads an answer.
Complaint PlayAtOnce(Lane& lane, size_t regions, const char* reason) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kFresh)) return "the honest part of it failed";
  MemifLink& link = tenant.link();
  link.Send(InitMessage());
  for (size_t i = 0; i < regions; ++i) {
    const Message region =
        i == 0 ? tenant.region_message() : RegionMessage(4096, static_cast<uint16_t>(i));
    link.Send(region, tenant.memory().memory.fd());
  }
  for (const bool to_server : {true, false}) {
    link.Send(tenant.ring_message(to_server), tenant.interrupt(to_server));
  }
  link.Send(memif::testing::ConnectMessage());
  if (reason == nullptr) return lane.ExpectFrames(tenant);
  return link.Closed() ? lane.ExpectReason(reason) : "nothing was said to it";
}

// Messages without end to rings that run.
Complaint PlayFloodOfMessages(Lane& lane) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Run()) return "the honest part of it failed";
  for (int i = 0; i < 1000 && tenant.link().Send(Message(MessageType::kAck)); ++i) {
  }
  return tenant.link().Closed() ? lane.ExpectReason("has no place here") : "nothing was said to it";
}

// Connections that end at once, with a message and its descriptor left behind.
Complaint PlayHurry(Lane& lane, size_t count) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  const Message region = tenant.region_message();
  const int fd = tenant.memory().memory.fd();
  for (size_t i = 0; i < count; ++i) {
    const absl::StatusOr<UniqueFd> socket = ConnectNonBlocking(lane.liar_socket(), SOCK_SEQPACKET);
    if (socket.ok()) SendBytes(socket->get(), PayloadOf(region), {&fd, 1});
  }
  return "";
}

// ---- To whom weft is the client

struct Deaf {
  ServerStage stage;
  const char* name;
  const char* lacks;
};
constexpr Deaf kDeaf[] = {
    {ServerStage::kFresh, "says nothing", "has not said what it can do"},
    {ServerStage::kGreeted, "acknowledges nothing", "has not acknowledged what weft shares"},
    {ServerStage::kConnecting, "never begins", "has not answered the request to begin"},
};

Complaint PlayDeaf(Lane& lane, const Deaf& lie) {
  MemifServer server(lane.liar_socket());
  if (!server.Reach(lie.stage)) return "the honest part of it failed";
  if (!server.link().Closed()) return "nobody lost patience";
  return lane.ExpectReason(Cat(kLate, ": the peer ", lie.lacks));
}

// It never takes a connection out of its queue: weft has had enough of the first one when it makes
// a second.
Complaint PlayAbsent(Lane& lane) {
  const auto connections = [&lane] {
    const nlohmann::json port = lane.shell().Ask("show port " + lane.liar_port());
    return port.is_null() ? 0 : port.value("connections", uint64_t{0});
  };
  const uint64_t before = connections();
  MemifServer server(lane.liar_socket());
  if (!server.Listen()) return "it cannot listen";
  return Await([&] { return connections() >= before + 2; }) ? "" : "nobody lost patience";
}

// It takes them and ends them.
Complaint PlayFickle(Lane& lane, ServerStage stage, size_t count) {
  MemifServer server(lane.liar_socket());
  for (size_t i = 0; i < count; ++i) {
    if (!server.Reach(stage)) return "the honest part of it failed";
    server.link().Close();
  }
  return lane.ExpectDown();
}

}  // namespace

CaseClass MemifTimeCases(bool full) {
  // First those that wait until the switch has lost patience, which they do together.
  CaseClass all{.name = "memif-time", .cases = {}};
  for (const Stop& lie : kStops) {
    if (!full && lie.stage == MemifStage::kKnown) continue;
    all.cases.push_back(
        {lie.name, [&lie](Lane& lane) { return PlayStop(lane, lie); }, Liar::kMemif});
  }
  all.cases.push_back({"one message a second", PlaySlowly, Liar::kMemif});
  for (const Deaf& lie : kDeaf) {
    all.cases.push_back({Cat("a server ", lie.name),
                         [&lie](Lane& lane) { return PlayDeaf(lane, lie); }, Liar::kMemifServer});
  }
  all.cases.push_back({"a server takes no connection", PlayAbsent, Liar::kMemifServer});

  all.cases.push_back(
      {"all at once", [](Lane& lane) { return PlayAtOnce(lane, 1, nullptr); }, Liar::kMemif});
  all.cases.push_back(
      {"all at once, with 200 regions",
       [](Lane& lane) { return PlayAtOnce(lane, 200, "more than 8 memory regions"); },
       Liar::kMemif});
  all.cases.push_back({"messages without end", PlayFloodOfMessages, Liar::kMemif});
  const size_t many = full ? 1000 : 100;
  all.cases.push_back(
      {"connections that say nothing",
       [many, full](Lane& lane) { return PlaySilentFlood(lane, SOCK_SEQPACKET, many, full); },
       Liar::kMemif});
  all.cases.push_back({"connections that end at once",
                       [many](Lane& lane) { return PlayHurry(lane, many); }, Liar::kMemif});
  for (const auto& [name, stage] : {std::pair("at once", ServerStage::kFresh),
                                    {"when it has all", ServerStage::kConnecting},
                                    {"while it runs", ServerStage::kRunning}}) {
    all.cases.push_back(
        {Cat("a server ends each connection ", name),
         [stage = stage, full](Lane& lane) { return PlayFickle(lane, stage, full ? 100 : 5); },
         Liar::kMemifServer});
  }
  return all;
}

}  // namespace weft::hostile
