// SPDX-License-Identifier: Apache-2.0
// Lies by time: messages that do not end, replies that nobody reads, connections that say nothing.
// No case depends on how long something takes here: a message that is never finished is too late on
// any machine.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/base/text.h"
#include "core/base/unix_socket.h"
#include "tests/hostile/cases.h"
#include "tests/hostile/flood.h"

namespace weft::hostile {
namespace {

using vhost::MessageHeader;
using vhost::NumberPayload;
using vhost::Request;

constexpr const char* kLate = "did not finish a message in time";

// The first bytes of a message, and then nothing.
Complaint PlayPart(Lane& lane, Stage stage, size_t bytes, bool with_descriptor) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, stage)) return "the honest part of it failed";
  Payload message = PayloadOf(MessageHeader{Request::kSetVringKick, vhost::kVersion, 8});
  message.resize(message.size() + 8);
  message.resize(bytes);
  const int fd = tenant->kick_fd(kTransmit);
  const std::span<const int> fds(&fd, with_descriptor ? 1 : 0);
  if (!tenant->link().SendBytes(message, fds)) return "the honest part of it failed";
  return tenant->link().Closed() ? lane.ExpectReason(kLate) : "nobody lost patience";
}

// One byte at a time, as fast as it goes: a message all the same, unless this machine is slow.
Complaint PlayBytes(Lane& lane) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, Stage::kNegotiated)) return "the honest part of it failed";
  Payload message = PayloadOf(MessageHeader{Request::kSetStatus, vhost::kVersion, 8});
  message.resize(message.size() + 8);
  for (const std::byte& byte : message) {
    tenant->link().SendBytes({&byte, 1});
    usleep(1000);
  }
  return tenant->link().Answers() ? "" : lane.ExpectReason(kLate);
}

// One byte every now and then: each keeps the message alive for nobody.
Complaint PlaySlowly(Lane& lane, useconds_t pause) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, Stage::kRunning)) return "the honest part of it failed";
  Payload message = PayloadOf(MessageHeader{Request::kSetMemTable, vhost::kVersion, 264});
  message.resize(message.size() + 264);
  for (size_t i = 0; i < message.size(); ++i) {
    if (!tenant->link().SendBytes({&message[i], 1})) return lane.ExpectReason(kLate);
    usleep(pause);
  }
  return "nobody lost patience";
}

// Questions whose answers are never read.
Complaint PlayDeaf(Lane& lane, Stage stage, Request request) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, stage)) return "the honest part of it failed";
  const Payload payload =
      request == Request::kGetVringBase ? PayloadOf(NumberPayload{0}) : Payload();
  for (int i = 0; i < 100'000; ++i) {
    if (!tenant->link().Send(request, payload)) {
      return lane.ExpectReason("does not read its replies");
    }
  }
  return "all of it was answered";
}

// Connections that end at once.
Complaint PlayHurry(Lane& lane, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const absl::StatusOr<UniqueFd> socket = ConnectNonBlocking(lane.liar_socket());
  }
  return "";
}

}  // namespace

CaseClass TimeCases(bool full) {
  CaseClass all{.name = "time", .cases = {}};
  const auto part = [&all](const char* name, Stage stage, size_t bytes, bool with_descriptor) {
    all.cases.push_back(
        {name, [=](Lane& lane) { return PlayPart(lane, stage, bytes, with_descriptor); }});
  };
  part("one byte", Stage::kFresh, 1, false);
  part("one byte, while it runs", Stage::kRunning, 1, false);
  part("one byte and a descriptor", Stage::kFresh, 1, true);
  part("all but a byte of a header", Stage::kNegotiated, 11, false);
  part("a header", Stage::kFresh, 12, false);
  part("a header, while it runs", Stage::kRunning, 12, false);
  part("a header and a descriptor, when it has stopped", Stage::kStopped, 12, true);
  part("all but a byte of a message", Stage::kRunning, 19, true);
  all.cases.push_back({"one byte at a time", PlayBytes});
  all.cases.push_back(
      {"one byte at a time, slowly", [](Lane& lane) { return PlaySlowly(lane, 100'000); }});
  if (full) {
    all.cases.push_back(
        {"one byte a second", [](Lane& lane) { return PlaySlowly(lane, 1'000'000); }});
  }
  const auto deaf = [&all](const char* name, Stage stage, Request request) {
    all.cases.push_back({name, [=](Lane& lane) { return PlayDeaf(lane, stage, request); }});
  };
  deaf("replies never read", Stage::kFresh, Request::kGetFeatures);
  deaf("replies never read, while it runs", Stage::kRunning, Request::kGetQueueNum);
  deaf("bases never read", Stage::kStopped, Request::kGetVringBase);
  const size_t many = full ? 1000 : 100;
  all.cases.push_back({"connections that say nothing", [many, full](Lane& lane) {
                         return PlaySilentFlood(lane, SOCK_STREAM, many, full);
                       }});
  all.cases.push_back(
      {"connections that end at once", [many](Lane& lane) { return PlayHurry(lane, many); }});
  return all;
}

}  // namespace weft::hostile
