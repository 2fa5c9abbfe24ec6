// SPDX-License-Identifier: Apache-2.0
// Lies by file system: a descriptor of a file whose system is the tenant's own and does not answer,
// as memory and as all else that a descriptor comes for. Whoever asks it what it is waits, and who
// closes it does; while it does, weft goes on.
#include "core/base/text.h"
#include "tests/hostile/cases.h"

namespace weft::hostile {
namespace {

using vhost::MessageHeader;
using vhost::NumberPayload;
using vhost::RegionRequest;
using vhost::Request;
using Kind = SilentFiles::Kind;

constexpr uint64_t kMiB = 1 << 20;
// Not offered, so unknown (QEMU, docs/interop/vhost-user.rst).
constexpr auto kSetLogBase = static_cast<Request>(6);
constexpr auto kSetLogFd = static_cast<Request>(7);

struct Lie {
  const char* name;
  Stage stage;
  Request request;
  Payload payload;
  const char* reason;  // null: the message is cut off, and then the connection ends
};

std::vector<Lie> Lies() {
  const RegionRequest region{0, kMiB, 0, 0};
  const Payload table = TableOf({&region, 1});
  const Payload ring = PayloadOf(NumberPayload{kTransmit});
  constexpr const char* kFile = "is not a regular file on hugetlbfs or tmpfs";
  constexpr const char* kEvent = "not an eventfd";
  return {
      {"memory", Stage::kNegotiated, Request::kSetMemTable, table, kFile},
      {"memory of rings that run", Stage::kRunning, Request::kSetMemTable, table, kFile},
      {"call", Stage::kRunning, Request::kSetVringCall, ring, kEvent},
      {"kick", Stage::kRunning, Request::kSetVringKick, ring, kEvent},
      {"error", Stage::kRunning, Request::kSetVringErr, ring, kEvent},
      {"log", Stage::kRunning, kSetLogBase, Payload(16), "request 6 is unknown"},
      {"log call", Stage::kRunning, kSetLogFd, {}, "request 7 is unknown"},
      {"nothing", Stage::kFresh, Request::kGetFeatures, {}, "came with 1 descriptors"},
      {"half a message", Stage::kNegotiated, Request::kSetMemTable, Payload(39), nullptr},
  };
}

// What the switch says to it, and what else it still does.
Complaint Expect(Lane& lane, Tenant& tenant, const Lie& lie, Kind kind) {
  if (lie.reason == nullptr) {
    tenant.Disconnect();
    const auto waits = [&] {
      const nlohmann::json port = lane.shell().Ask("show port " + lane.liar_port());
      return port.is_null() ||
             port.value("reason", "").find("is not closed yet") != std::string::npos;
    };
    if (kind == Kind::kSilent && !Await(waits)) return "nobody waits for the file";
  } else {
    if (!tenant.link().Closed()) return "nothing was said to it";
    const Complaint complaint = lane.ExpectReason(lie.reason);
    if (!complaint.empty()) return complaint;
  }
  if (lane.shell().Ask("show version").is_null()) return "the shell does not answer meanwhile";
  return lane.BystanderReturns() ? "" : "no other container can connect meanwhile";
}

Complaint Play(Lane& lane, const Lie& lie, Kind kind) {
  const std::unique_ptr<Tenant> tenant = lane.MakeTenant();
  if (!lane.Reach(*tenant, lie.stage)) return "the honest part of it failed";
  const size_t whole = lie.payload.size() + (lie.reason == nullptr ? 1 : 0);
  Payload bytes =
      PayloadOf(MessageHeader{lie.request, vhost::kVersion, static_cast<uint32_t>(whole)});
  bytes.insert(bytes.end(), lie.payload.begin(), lie.payload.end());
  const auto file = lane.silent_files()->Send(tenant->link().socket(), kind, bytes);
  if (!file.has_value()) return "the file could not be sent";
  Complaint complaint = Expect(lane, *tenant, lie, kind);
  // The port is of no use before the last of it is closed: that is the tenant's own affair.
  lane.silent_files()->Release(*file);
  return complaint;
}

}  // namespace

CaseClass FileSystemCases() {
  CaseClass all{.name = "file-system", .cases = {}, .silent_files = true};
  for (const auto& [kind, name] :
       {std::pair(Kind::kSilent, "silent: "), {Kind::kHalfway, "says what it is: "}}) {
    for (const Lie& lie : Lies()) {
      all.cases.push_back(
          {Cat(name, lie.name), [lie, kind = kind](Lane& lane) { return Play(lane, lie, kind); }});
    }
  }
  return all;
}

}  // namespace weft::hostile
