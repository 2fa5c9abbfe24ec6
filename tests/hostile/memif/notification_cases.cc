// SPDX-License-Identifier: Apache-2.0
// Lies by notification: interrupts that are no eventfds, and eventfds that nobody reads; and files
// of a tenant's own file system, which never answers, in place of either.
#include <fcntl.h>
#include <sys/eventfd.h>

#include <utility>

#include "core/base/text.h"
#include "tests/hostile/memif/cases.h"
#include "tests/hostile/memif/server.h"
#include "tests/hostile/memif/tenant.h"
#include "tests/hostile/things.h"

namespace weft::hostile {
namespace {

using memif::Message;
using memif::MessageType;
using memif::testing::ConnectMessage;
using memif::testing::InitMessage;
using Kind = SilentFiles::Kind;

constexpr const char* kBlocked = "writing the peer's interrupt eventfd would have blocked";

Complaint Play(Lane& lane, Event what, bool to_server) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kShared) ||
      !tenant.Ask(tenant.ring_message(!to_server), tenant.interrupt(!to_server))) {
    return "the honest part of it failed";
  }
  const Made made = Make(what);
  if (!made.fd.valid()) return "the descriptor could not be made";
  tenant.link().Send(tenant.ring_message(to_server), made.fd.get());
  if (!IsEvent(what)) {
    return tenant.link().Closed() ? lane.ExpectReason("is not an eventfd")
                                  : "nothing was said to it";
  }
  if (!tenant.link().Answers(MessageType::kAck) ||
      !tenant.Ask(ConnectMessage(), -1, MessageType::kConnected)) {
    return "it was refused";
  }
  if (what == Event::kFull && !to_server) {
    // A worker asks for the interrupt that blocks, when a frame has gone this way.
    lane.witness().Transmit(lane.FrameToLiar());
    return lane.ExpectReason(kBlocked);
  }
  return lane.ExpectFrames(tenant);
}

// A good one that is filled when the rings run, and blocks from then on.
Complaint PlayFilled(Lane& lane, bool blocks) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Run()) return "the honest part of it failed";
  const int fd = tenant.interrupt(false);
  if (eventfd_write(fd, 0xffff'ffff'ffff'fffe) != 0) return "it could not be filled";
  if (blocks && fcntl(fd, F_SETFL, 0) != 0) return "it could not be made to block";
  if (!blocks) return lane.ExpectFrames(tenant);
  lane.witness().Transmit(lane.FrameToLiar());
  return lane.ExpectReason(kBlocked);
}

// One eventfd for both rings, which weft writes and watches.
Complaint PlayShared(Lane& lane) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(MemifStage::kShared)) return "the honest part of it failed";
  for (const bool to_server : {true, false}) {
    if (!tenant.Ask(tenant.ring_message(to_server), tenant.interrupt(true))) return "refused";
  }
  if (!tenant.Ask(ConnectMessage(), -1, MessageType::kConnected)) return "it was refused";
  return lane.ExpectFrames(tenant);
}

// Kicks without a frame, as many as one thread can.
Complaint PlayKicks(Lane& lane) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Run()) return "the honest part of it failed";
  for (int i = 0; i < 20'000; ++i) tenant.Kick();
  return lane.ExpectFrames(tenant);
}

// Where weft is the client its interrupts are its own, and the server has them, too.
Complaint PlayServer(Lane& lane, bool from_switch) {
  MemifServer server(lane.liar_socket());
  if (!server.Run()) return "the honest part of it failed";
  const Complaint complaint = lane.ExpectFrames(server);
  if (!complaint.empty()) return complaint;
  const int fd = server.interrupt(from_switch);
  // Weft may still have to write what it owes for the last frame.
  const bool filled = Await([fd] {
    uint64_t count = 0;
    eventfd_read(fd, &count);
    return eventfd_write(fd, 0xffff'ffff'ffff'fffe) == 0;
  });
  if (!filled || fcntl(fd, F_SETFL, 0) != 0) return "it could not be filled";
  if (!from_switch) return lane.ExpectReceived(server);  // weft never reads it
  server.from_switch().set_flags(0);                     // and is asked to write it
  lane.witness().Transmit(lane.FrameToLiar());
  return lane.ExpectReason(kBlocked);
}

// ---- Files that never answer

enum class Use : uint8_t { kNothing, kMemory, kInterrupt, kUnknown, kRunning };
constexpr std::pair<Use, const char*> kUses[] = {{Use::kNothing, "with INIT"},
                                                 {Use::kMemory, "as memory"},
                                                 {Use::kInterrupt, "as an interrupt"},
                                                 {Use::kUnknown, "with an unknown message"},
                                                 {Use::kRunning, "while the rings run"}};

MemifStage StageOf(Use use) {
  switch (use) {
    case Use::kNothing:
      return MemifStage::kFresh;
    case Use::kRunning:
      return MemifStage::kRunning;
    default:
      return MemifStage::kKnown;
  }
}

Message MessageFor(const MemifTenant& tenant, Use use) {
  switch (use) {
    case Use::kMemory:
    case Use::kRunning:
      return tenant.region_message();
    case Use::kInterrupt:
      return tenant.ring_message(true);
    case Use::kUnknown:
      return Message(static_cast<MessageType>(77));
    case Use::kNothing:
      break;
  }
  return InitMessage();
}

const char* ReasonOf(Use use) {
  switch (use) {
    case Use::kMemory:
      return "is not a regular file on hugetlbfs or tmpfs";
    case Use::kInterrupt:
      return "a ring's interrupt is not an eventfd";
    case Use::kUnknown:
      return "a message of type 77, which is unknown";
    case Use::kRunning:
      return "has no place here";
    case Use::kNothing:
      break;
  }
  return "came with 1 descriptors instead of 0";
}

Complaint PlaySilent(Lane& lane, Use use, Kind kind) {
  MemifTenant tenant({.socket = lane.liar_socket()});
  if (!tenant.Reach(StageOf(use))) return "the honest part of it failed";
  const auto file =
      lane.silent_files()->Send(tenant.link().socket(), kind, PayloadOf(MessageFor(tenant, use)));
  if (!file.has_value()) return "the file could not be sent";
  Complaint complaint;
  if (!tenant.link().Closed()) complaint = "nothing was said to it";
  if (complaint.empty()) complaint = lane.ExpectReason(ReasonOf(use));
  if (complaint.empty() && lane.shell().Ask("show version").is_null()) {
    complaint = "the shell does not answer meanwhile";
  }
  if (complaint.empty() && !lane.BystanderReturns()) {
    complaint = "no other container can connect meanwhile";
  }
  // The port is of no use before the last of it is closed: that is the tenant's own affair.
  lane.silent_files()->Release(*file);
  return complaint;
}

}  // namespace

CaseClass MemifNotificationCases() {
  CaseClass all{.name = "memif-notification", .cases = {}};
  for (const auto& [what, name] : kEvents) {
    for (const bool to_server : {true, false}) {
      all.cases.push_back(
          {Cat(to_server ? "to the switch: " : "from it: ", name),
           [what = what, to_server](Lane& lane) { return Play(lane, what, to_server); }});
    }
  }
  for (const bool blocks : {true, false}) {
    all.cases.push_back({Cat("filled while it runs", blocks ? ", and blocks" : ""),
                         [blocks](Lane& lane) { return PlayFilled(lane, blocks); }});
  }
  all.cases.push_back({"one for both rings", PlayShared});
  all.cases.push_back({"kicks without a frame", PlayKicks});
  all = PlayedBy(Liar::kMemif, std::move(all));
  for (const bool from_switch : {true, false}) {
    all.cases.push_back(
        {Cat("weft's own is filled, of the ring ", from_switch ? "from it" : "to it"),
         [from_switch](Lane& lane) { return PlayServer(lane, from_switch); }, Liar::kMemifServer});
  }
  return all;
}

CaseClass MemifFileSystemCases() {
  CaseClass all{.name = "memif-file-system", .cases = {}, .silent_files = true};
  for (const auto& [kind, name] :
       {std::pair(Kind::kSilent, "silent: "), {Kind::kHalfway, "says what it is: "}}) {
    for (const auto& [use, how] : kUses) {
      all.cases.push_back({Cat(name, how), [use = use, kind = kind](Lane& lane) {
                             return PlaySilent(lane, use, kind);
                           }});
    }
  }
  return PlayedBy(Liar::kMemif, std::move(all));
}

}  // namespace weft::hostile
