// SPDX-License-Identifier: Apache-2.0
// Lies by a ring's number: a vhost-user message can name 256 rings, and a port has two, or sixteen.
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "core/base/text.h"
#include "tests/hostile/cases.h"

namespace weft::hostile {
namespace {

using vhost::NumberPayload;
using vhost::Request;
using vhost::RingPayload;

constexpr uint32_t kRings = 256;  // that eight bits can name
constexpr const char* kNone = "there is no ring";

struct Naming {
  Request request;
  const char* name;
  bool while_stopped;  // of a ring that runs it is an error
};
constexpr Naming kNamings[] = {
    {Request::kSetVringNum, "SET_VRING_NUM", true},
    {Request::kSetVringBase, "SET_VRING_BASE", true},
    {Request::kSetVringAddr, "SET_VRING_ADDR", true},
    {Request::kGetVringBase, "GET_VRING_BASE", false},
    {Request::kSetVringEnable, "SET_VRING_ENABLE", false},
    {Request::kSetVringKick, "SET_VRING_KICK", false},
    {Request::kSetVringCall, "SET_VRING_CALL", false},
    {Request::kSetVringErr, "SET_VRING_ERR", false},
};

// A message that is honest but for the number in it.
bool SendNaming(Tenant& tenant, Request request, uint32_t index) {
  const auto& ring = tenant.ring(index % tenant.rings_there());
  switch (request) {
    case Request::kSetVringNum:
      return tenant.link().Send(request, PayloadOf(RingPayload{index, ring.size()}));
    case Request::kSetVringBase:
      return tenant.link().Send(request, PayloadOf(RingPayload{index, ring.base()}));
    case Request::kSetVringAddr:
      return tenant.link().Send(request, PayloadOf(ring.addresses(index)));
    case Request::kGetVringBase:
      return tenant.link().Send(request, PayloadOf(RingPayload{index, 0}));
    case Request::kSetVringEnable:
      return tenant.link().Send(request, PayloadOf(RingPayload{index, 1}));
    default: {
      const UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      const int fd = event.get();
      return tenant.link().Send(request, PayloadOf(NumberPayload{index}), {&fd, 1});
    }
  }
}

// How many queue pairs the switch says there are; 0 if it says nothing.
uint64_t QueuePairs(Link& link) {
  NumberPayload number{0};
  if (!link.Send(Request::kGetQueueNum)) return 0;
  const auto reply = link.Reply(Request::kGetQueueNum);
  if (reply.has_value() && reply->size() == sizeof(number)) {
    std::memcpy(&number, reply->data(), sizeof(number));
  }
  return number.value;
}

Complaint PlayOne(Lane& lane, const Naming& lie, uint32_t index, Stage stage) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, stage)) return "the honest part of it failed";
  if (QueuePairs(tenant->link()) != 1) return "it has not one queue pair";
  SendNaming(*tenant, lie.request, index);
  const bool there = index < tenant->rings_there();
  if (there && !(lie.while_stopped && stage == Stage::kRunning)) {
    return QueuePairs(tenant->link()) == 1 ? "" : "it was refused";
  }
  if (!tenant->link().Closed()) return "nothing was said to it";
  return lane.ExpectReason(there ? "is started" : kNone);
}

// A port with sixteen rings, all of which run: each is turned off and on, and then one is named
// that is not there.
Complaint PlayWide(Lane& lane, const Naming& lie, uint32_t index, Rings rings) {
  const TenantOptions options{
      .socket = lane.wide_socket(), .rings = rings, .pairs = Lane::kWidePairs};
  const std::string& port = lane.wide_port();
  {
    Tenant tenant(options);
    Link& link = tenant.link();
    if (!tenant.Reach(Stage::kRunning)) return "the honest part of it failed";
    const auto all_run = [&] {
      const nlohmann::json shown = lane.shell().Ask("show port " + port);
      return shown.is_null() || shown.value("queues-running", 0U) == Lane::kWidePairs;
    };
    if (!Await(all_run)) return "not all of its rings run";
    for (const uint32_t on : {0U, 1U}) {
      for (uint32_t i = 0; i < tenant.rings_there(); ++i) {
        link.Send(Request::kSetVringEnable, PayloadOf(RingPayload{i, on}));
        if (QueuePairs(link) != Lane::kWidePairs) return "it has not eight queue pairs";
      }
    }
    if (!Await(all_run)) return "not all of its rings run again";
    SendNaming(tenant, lie.request, index);
    if (!link.Closed()) return "nothing was said to it";
    const Complaint complaint = lane.ExpectReason(port, kNone);
    if (!complaint.empty()) return complaint;
  }
  Tenant honest(options);
  if (!honest.Reach(Stage::kRunning)) return "nobody can connect to it any more";
  return lane.ExpectUp(port);
}

}  // namespace

CaseClass RingIndexCases(bool full, uint32_t seed) {
  constexpr size_t kSample = 100;
  CaseClass all{.name = "ring-index", .cases = {}};
  for (const Naming& lie : kNamings) {
    for (uint32_t index = 0; index < kRings; ++index) {
      for (const auto& [stage, name] :
           {std::pair(Stage::kNegotiated, "negotiated"), {Stage::kRunning, "running"}}) {
        all.cases.push_back({Cat(lie.name, " of ring ", index, ", ", name),
                             [&lie, index, stage = stage](Lane& lane) {
                               return PlayOne(lane, lie, index, stage);
                             }});
      }
    }
  }
  if (!full) {
    std::mt19937 random(seed);
    std::shuffle(all.cases.begin(), all.cases.end(), random);
    all.cases.resize(kSample);
  }
  for (const Naming& lie : kNamings) {
    for (const uint32_t index : {2 * Lane::kWidePairs, kRings - 1}) {
      for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
        all.cases.push_back(
            {Cat("sixteen ", rings == Rings::kSplit ? "split" : "packed", " rings, ", lie.name,
                 " of ring ", index),
             [&lie, index, rings](Lane& lane) { return PlayWide(lane, lie, index, rings); }});
      }
    }
  }
  return all;
}

}  // namespace weft::hostile
