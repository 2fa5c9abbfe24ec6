// SPDX-License-Identifier: Apache-2.0
// Lies by notification: descriptors to call, to kick and to tell errors that are no eventfds, and
// eventfds that nobody reads.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"

namespace weft::hostile {
namespace {

using vhost::NumberPayload;
using vhost::Request;

enum class What : uint8_t {
  kFullPipe,
  kClosedPipe,
  kFile,
  kFullSocket,
  kTimer,
  kEpoll,
  kNull,
  kFull,        // eventfds: one on which a write blocks
  kFullAtOnce,  // one on which a write fails at once
  kSemaphore,
};

bool IsEvent(What what) {
  return what == What::kFull || what == What::kFullAtOnce || what == What::kSemaphore;
}

// A descriptor, and what must stay open with it.
struct Made {
  UniqueFd fd;
  UniqueFd other;
};

void Fill(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  const std::array<char, 4096> bytes{};
  while (write(fd, bytes.data(), bytes.size()) > 0) {
  }
  fcntl(fd, F_SETFL, 0);
}

UniqueFd FullEvent(int flags) {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | flags));
  return eventfd_write(fd.get(), 0xffff'ffff'ffff'fffe) == 0 ? std::move(fd) : UniqueFd();
}

Made Make(What what) {
  std::array<int, 2> ends{-1, -1};
  switch (what) {
    case What::kFullPipe:
    case What::kClosedPipe: {
      if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
      Made made{UniqueFd(ends[1]), UniqueFd(ends[0])};
      if (what == What::kFullPipe) {
        Fill(made.fd.get());
      } else {
        made.other.reset();
      }
      return made;
    }
    case What::kFullSocket: {
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
      Fill(ends[0]);
      return {UniqueFd(ends[0]), UniqueFd(ends[1])};
    }
    case What::kFile:
      return {UniqueFd(memfd_create("lie", MFD_CLOEXEC)), {}};
    case What::kTimer:
      return {UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), {}};
    case What::kEpoll:
      return {UniqueFd(epoll_create1(EPOLL_CLOEXEC)), {}};
    case What::kNull:
      return {UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)), {}};
    case What::kFull:
      return {FullEvent(0), {}};
    case What::kFullAtOnce:
      return {FullEvent(EFD_NONBLOCK), {}};
    case What::kSemaphore:
      return {UniqueFd(eventfd(5, EFD_CLOEXEC | EFD_SEMAPHORE)), {}};
  }
  return {};
}

constexpr std::pair<What, const char*> kWhats[] = {
    {What::kFullPipe, "a full pipe"},  {What::kClosedPipe, "a closed pipe"},
    {What::kFile, "a file"},           {What::kFullSocket, "a full socket"},
    {What::kTimer, "a timer"},         {What::kEpoll, "an epoll set"},
    {What::kNull, "/dev/null"},        {What::kFull, "a full eventfd"},
    {What::kSemaphore, "a semaphore"}, {What::kFullAtOnce, "a full eventfd that does not block"},
};
constexpr std::pair<Request, const char*> kRequests[] = {
    {Request::kSetVringCall, "call: "},
    {Request::kSetVringKick, "kick: "},
    {Request::kSetVringErr, "error: "},
};

Complaint Play(Lane& lane, Request request, What what, uint32_t ring, Rings rings) {
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
  if (request == Request::kSetVringCall && what == What::kFull) {
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
    for (const auto& [what, name] : kWhats) {
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
