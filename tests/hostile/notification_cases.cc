// SPDX-License-Identifier: Apache-2.0
// Lies by notification: descriptors to call, to kick and to tell errors that are no eventfds, and
// eventfds that nobody reads.
#include <sys/eventfd.h>

#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/things.h"

namespace weft::hostile {
namespace {

using vhost::NumberPayload;
using vhost::Request;

constexpr std::pair<Request, const char*> kRequests[] = {
    {Request::kSetVringCall, "call: "},
    {Request::kSetVringKick, "kick: "},
    {Request::kSetVringErr, "error: "},
};

Complaint Play(Lane& lane, Request request, Event what, uint32_t ring, Rings rings) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant(rings);
  if (!lane.Reach(*tenant, Stage::kRunning)) return "the honest part of it failed";
  const Made made = Make(what);
  if (!made.fd.valid()) return "the descriptor could not be made";
  const int fd = made.fd.get();
  Link& link = tenant->link();
  link.Send(request, PayloadOf(NumberPayload{ring}), {&fd, 1});
  if (!IsEvent(what)) {
    return link.Closed() ? lane.ExpectReason("not an eventfd") : "nothing was said to it";
  }
  if (!link.Answers()) return "it was refused";
  if (request == Request::kSetVringCall && what == Event::kFull) {
    // A worker asks for the call that blocks, when a frame has gone this way.
    if (ring == kTransmit) {
      tenant->Transmit(lane.FrameToWitness());
    } else {
      lane.witness().Transmit(lane.FrameToLiar());
    }
    return lane.ExpectReason("call eventfd would have blocked");
  }
  return lane.ExpectFrames(*tenant);
}

// Rings that nobody may be told of.
Complaint PlayWithout(Lane& lane, Request request) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, Stage::kRunning)) return "the honest part of it failed";
  for (const uint32_t ring : {kReceive, kTransmit}) {
    tenant->link().Send(request, PayloadOf(NumberPayload{ring | vhost::kNoDescriptor}));
  }
  if (!tenant->link().Answers()) return "it was refused";
  return lane.ExpectReceived(*tenant);
}

// Call descriptors that change all the time.
Complaint PlayMany(Lane& lane, Request request) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, Stage::kRunning)) return "the honest part of it failed";
  for (uint32_t i = 0; i < 200; ++i) {
    const UniqueFd event(eventfd(0, EFD_CLOEXEC));
    const int fd = event.get();
    tenant->link().Send(request, PayloadOf(NumberPayload{i % 2}), {&fd, 1});
  }
  if (!tenant->link().Answers()) return "it was refused";
  return lane.ExpectReceived(*tenant);
}

}  // namespace

CaseClass NotificationCases() {
  CaseClass all{.name = "notification", .cases = {}};
  for (const auto& [request, use] : kRequests) {
    for (const auto& [what, name] : kEvents) {
      for (const uint32_t ring : {kReceive, kTransmit}) {
        for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
          all.cases.push_back({Cat(rings == Rings::kSplit ? "split, ring " : "packed, ring ", ring,
                                   ", ", use, name),
                               [request = request, what = what, ring, rings](Lane& lane) {
                                 return Play(lane, request, what, ring, rings);
                               }});
        }
      }
    }
    all.cases.push_back({Cat(use, "two hundred"),
                         [request = request](Lane& lane) { return PlayMany(lane, request); }});
    all.cases.push_back(
        {Cat(use, "none"), [request = request](Lane& lane) { return PlayWithout(lane, request); }});
  }
  return all;
}

}  // namespace weft::hostile
