// SPDX-License-Identifier: Apache-2.0
// Lies by message: every request, known or not, with payloads, descriptors and flags that fit and
// that do not, at every stage of a session.
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "core/base/text.h"
#include "tests/hostile/cases.h"

namespace weft::hostile {
namespace {

using vhost::NumberPayload;
using vhost::Request;
using vhost::RingPayload;

constexpr uint32_t kLastRequest = 51;
constexpr std::array<uint32_t, 2> kFarRequests = {0x8000'0000, 0xffff'ffff};
constexpr size_t kMostDescriptors = 8;  // that any message has: one for each region of memory
constexpr size_t kMany = 253;           // as many as Linux lets come at once
constexpr std::array kStages = {Stage::kFresh, Stage::kNegotiated, Stage::kRunning,
                                Stage::kStopped};
constexpr std::array kStageNames = {"fresh", "negotiated", "running", "stopped"};
constexpr std::array<uint32_t, 6> kFlags = {vhost::kVersion,
                                            vhost::kVersion | vhost::kNeedReplyFlag,
                                            0,
                                            vhost::kVersion | vhost::kReplyFlag,
                                            3,
                                            0xffff'ffff};

// What the protocol says of the requests that weft knows (QEMU, docs/interop/vhost-user.rst): a
// second opinion beside the switch's own table.
struct Known {
  Request request;
  const char* name;
  uint32_t size;
  size_t fds;
  bool while_stopped;  // it is an error while rings run
};
constexpr Known kKnown[] = {
    {Request::kGetFeatures, "GET_FEATURES", 0, 0, false},
    {Request::kSetFeatures, "SET_FEATURES", 8, 0, true},
    {Request::kSetOwner, "SET_OWNER", 0, 0, false},
    {Request::kResetOwner, "RESET_OWNER", 0, 0, false},
    {Request::kSetMemTable, "SET_MEM_TABLE", 40, 1, false},
    {Request::kSetVringNum, "SET_VRING_NUM", 8, 0, true},
    {Request::kSetVringAddr, "SET_VRING_ADDR", 40, 0, true},
    {Request::kSetVringBase, "SET_VRING_BASE", 8, 0, true},
    {Request::kGetVringBase, "GET_VRING_BASE", 8, 0, false},
    {Request::kSetVringKick, "SET_VRING_KICK", 8, 1, false},
    {Request::kSetVringCall, "SET_VRING_CALL", 8, 1, false},
    {Request::kSetVringErr, "SET_VRING_ERR", 8, 1, false},
    {Request::kGetProtocolFeatures, "GET_PROTOCOL_FEATURES", 0, 0, false},
    {Request::kSetProtocolFeatures, "SET_PROTOCOL_FEATURES", 8, 0, true},
    {Request::kGetQueueNum, "GET_QUEUE_NUM", 0, 0, false},
    {Request::kSetVringEnable, "SET_VRING_ENABLE", 8, 0, false},
    {Request::kNetSetMtu, "NET_SET_MTU", 8, 0, true},
    {Request::kSetStatus, "SET_STATUS", 8, 0, false},
    {Request::kGetStatus, "GET_STATUS", 0, 0, false},
};

const Known* KnownOf(uint32_t request) {
  const auto* const row = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) {
    return static_cast<uint32_t>(k.request) == request;
  });
  return row == std::end(kKnown) ? nullptr : row;
}

struct Lie {
  uint32_t request;
  uint32_t size;  // that the header names
  size_t fds;
  uint32_t flags;
  Stage stage;

  std::string Name() const {
    const Known* const known = KnownOf(request);
    return Cat(known == nullptr ? Cat("request ", request) : known->name, ", ", size, " bytes, ",
               fds, " descriptors, flags ", flags, ", ", kStageNames[static_cast<size_t>(stage)]);
  }
  // What the switch says to it, in the order in which a message shows what is wrong with it; empty:
  // it is legal.
  std::string Reason() const {
    const Known* const known = KnownOf(request);
    if (fds > kMostDescriptors) return Cat("more than ", kMostDescriptors, " descriptors");
    if (known == nullptr) return Cat("request ", request, " is unknown");
    const std::string name = known->name;
    if ((flags & ~vhost::kNeedReplyFlag) != vhost::kVersion) {
      return Cat(name, " has flags ", flags, ", which are not version 1");
    }
    if (size != known->size) return Cat(name, " has ", size, " bytes instead of ");
    if (fds > known->fds) return Cat(name, " came with ", fds, " descriptors");
    // Those that may come without say so themselves.
    if (fds < known->fds) return Cat("came with ", fds, " descriptors");
    if (known->while_stopped && stage == Stage::kRunning) return Cat(name, ": came while ring ");
    return "";
  }
};

// What an honest front-end would say; what is longer goes on with zeros.
Payload HonestPayload(const Tenant& tenant, const vhost::testing::GuestQueue& ring,
                      Request request) {
  switch (request) {
    case Request::kSetFeatures:
      return PayloadOf(NumberPayload{kHonestFeatures});
    case Request::kSetProtocolFeatures:
      return PayloadOf(NumberPayload{vhost::kOfferedProtocolFeatures});
    case Request::kSetMemTable: {
      const vhost::RegionRequest region = tenant.region();
      return TableOf({&region, 1});
    }
    case Request::kSetVringNum:
      return PayloadOf(RingPayload{0, Tenant::kRingSize});
    case Request::kSetVringAddr:
      return PayloadOf(ring.addresses(0));
    case Request::kNetSetMtu:
      return PayloadOf(NumberPayload{1500});
    case Request::kSetStatus:
      return PayloadOf(NumberPayload{0xf});
    default:
      return PayloadOf(NumberPayload{0});
  }
}

Complaint Play(Lane& lane, const Lie& lie) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, lie.stage)) return "the honest part of it failed";
  const auto request = static_cast<Request>(lie.request);
  Payload payload = HonestPayload(*tenant, tenant->ring(kReceive), request);
  payload.resize(std::min<size_t>(lie.size, 1024));
  const UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int fd = request == Request::kSetMemTable ? tenant->guest().file() : event.get();
  const std::vector<int> fds(lie.fds, fd);
  tenant->link().Send(request, payload, fds, lie.flags, lie.size);
  const bool goes_on = tenant->link().Answers();
  const std::string reason = lie.Reason();
  if (goes_on != reason.empty()) return goes_on ? "it was taken" : "it was refused";
  return goes_on ? "" : lane.ExpectReason(reason);
}

std::vector<Lie> AllLies() {
  std::vector<Lie> lies;
  std::vector<uint32_t> requests(kFarRequests.begin(), kFarRequests.end());
  for (uint32_t request = 0; request <= kLastRequest; ++request) requests.push_back(request);
  for (const uint32_t request : requests) {
    const Known* const known = KnownOf(request);
    const uint32_t exact = known == nullptr ? 8 : known->size;
    const size_t expected = known == nullptr ? 0 : known->fds;
    const uint32_t too_long = (request == 5 ? vhost::kMaxPayload : exact) + 8;
    const std::set<uint32_t> sizes = {0, exact, exact == 0 ? 1 : exact - 1, too_long, 0xffff'ffff};
    const std::set<size_t> fds = {0, expected, 1, 9, kMany};
    for (const uint32_t size : sizes) {
      for (const size_t count : fds) {
        for (const uint32_t flags : kFlags) {
          for (const Stage stage : kStages) lies.push_back({request, size, count, flags, stage});
        }
      }
    }
  }
  return lies;
}

}  // namespace

CaseClass MessageCases(bool full, uint32_t seed) {
  constexpr size_t kSample = 300;
  std::vector<Lie> lies = AllLies();
  if (!full) {
    std::mt19937 random(seed);
    std::shuffle(lies.begin(), lies.end(), random);
    lies.resize(kSample);
  }
  CaseClass all{.name = "message", .cases = {}};
  for (const Lie& lie : lies) {
    all.cases.push_back({lie.Name(), [lie](Lane& lane) { return Play(lane, lie); }});
  }
  return all;
}

}  // namespace weft::hostile
