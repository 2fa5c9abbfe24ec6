// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/session_requests.h"

#include <bit>
#include <memory>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/tenant/eventfd.h"

namespace weft::vhost {
namespace {

// The eventfd of SET_VRING_KICK, _CALL or _ERR: none if the message says so.
absl::StatusOr<UniqueFd> EventFdOf(Message& message) {
  const uint64_t value = message.As<NumberPayload>().value;
  if ((value & ~(kRingIndexMask | kNoDescriptor)) != 0) {
    return absl::InvalidArgumentError(absl::StrFormat("has unknown bits in %#x", value));
  }
  const bool without = (value & kNoDescriptor) != 0;
  if (message.fds.size() != (without ? 0 : 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("came with ", message.fds.size(), " descriptors"));
  }
  if (without) return UniqueFd();
  if (!IsEventFd(message.fds[0].get())) {
    return absl::InvalidArgumentError("came with a descriptor that is not an eventfd");
  }
  return std::move(message.fds[0]);
}

// `asked` must be a part of `offered`.
absl::Status CheckFeatures(uint64_t asked, uint64_t offered) {
  if ((asked & ~offered) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("accepts feature bits %#x, which were not offered", asked & ~offered));
}

// virtio 1.2 §5.1.3.1: some features are nothing without another.
absl::Status CheckOffloadFeatures(uint64_t asked) {
  struct Row {
    uint64_t feature, one_of;
    absl::string_view text;
  };
  static constexpr Row kRows[] = {
      {kFeatureGuestTso4, kFeatureGuestChecksum, "GUEST_TSO4 without GUEST_CSUM"},
      {kFeatureGuestTso6, kFeatureGuestChecksum, "GUEST_TSO6 without GUEST_CSUM"},
      {kFeatureGuestEcn, kFeatureGuestTso4 | kFeatureGuestTso6, "GUEST_ECN without GUEST_TSO"},
      {kFeatureHostTso4, kFeatureChecksum, "HOST_TSO4 without CSUM"},
      {kFeatureHostTso6, kFeatureChecksum, "HOST_TSO6 without CSUM"},
      {kFeatureHostEcn, kFeatureHostTso4 | kFeatureHostTso6, "HOST_ECN without HOST_TSO"},
  };
  for (const Row& row : kRows) {
    if ((asked & row.feature) != 0 && (asked & row.one_of) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("accepts VIRTIO_NET_F_", row.text));
    }
  }
  return absl::OkStatus();
}

absl::Status Reply(int socket, Request request, uint64_t value) {
  return SendReply(socket, request, NumberPayload{value});
}

}  // namespace

// clang-format off
const SessionRequests::Row SessionRequests::kRows[] = {
    // request, name, payload bytes (least, most), descriptors (least, most); value replied; when
    {{Request::kGetFeatures, "GET_FEATURES", 0, 0, 0, 0}, true, When::kAlways, GetFeatures},
    {{Request::kSetFeatures, "SET_FEATURES", 8, 8, 0, 0}, false, When::kAllRingsStopped, SetFeatures},
    {{Request::kSetOwner, "SET_OWNER", 0, 0, 0, 0}, false, When::kAlways, SetOwner},
    {{Request::kResetOwner, "RESET_OWNER", 0, 0, 0, 0}, false, When::kAlways, ResetOwner},
    {{Request::kSetMemTable, "SET_MEM_TABLE", 40, sizeof(MemoryPayload), 1, kMaxRegions}, false, When::kAlways, SetMemTable},
    {{Request::kSetVringNum, "SET_VRING_NUM", 8, 8, 0, 0}, false, When::kRingStopped, SetVringNum},
    {{Request::kSetVringAddr, "SET_VRING_ADDR", 40, 40, 0, 0}, false, When::kRingStopped, SetVringAddr},
    {{Request::kSetVringBase, "SET_VRING_BASE", 8, 8, 0, 0}, false, When::kRingStopped, SetVringBase},
    {{Request::kGetVringBase, "GET_VRING_BASE", 8, 8, 0, 0}, true, When::kAlways, GetVringBase},
    {{Request::kSetVringKick, "SET_VRING_KICK", 8, 8, 0, 1}, false, When::kAlways, SetVringKick},
    {{Request::kSetVringCall, "SET_VRING_CALL", 8, 8, 0, 1}, false, When::kAlways, SetVringCall},
    {{Request::kSetVringErr, "SET_VRING_ERR", 8, 8, 0, 1}, false, When::kAlways, SetVringErr},
    {{Request::kGetProtocolFeatures, "GET_PROTOCOL_FEATURES", 0, 0, 0, 0}, true, When::kAlways, GetProtocolFeatures},
    {{Request::kSetProtocolFeatures, "SET_PROTOCOL_FEATURES", 8, 8, 0, 0}, false, When::kAllRingsStopped, SetProtocolFeatures},
    {{Request::kGetQueueNum, "GET_QUEUE_NUM", 0, 0, 0, 0}, true, When::kAlways, GetQueueNum},
    {{Request::kSetVringEnable, "SET_VRING_ENABLE", 8, 8, 0, 0}, false, When::kAlways, SetVringEnable},
    {{Request::kNetSetMtu, "NET_SET_MTU", 8, 8, 0, 0}, false, When::kAllRingsStopped, NetSetMtu},
    {{Request::kSetStatus, "SET_STATUS", 8, 8, 0, 0}, false, When::kAlways, SetStatus},
    {{Request::kGetStatus, "GET_STATUS", 0, 0, 0, 0}, true, When::kAlways, GetStatus},
};
// clang-format on

const SessionRequests::Row* SessionRequests::RowOf(Request request) {
  for (const Row& row : kRows) {
    if (row.spec.request == request) return &row;
  }
  return nullptr;
}

const RequestSpec* SessionRequests::Find(Request request) {
  const Row* row = RowOf(request);
  return row == nullptr ? nullptr : &row->spec;
}

bool SessionRequests::HasReply(Request request) { return RowOf(request)->has_reply; }

absl::Status SessionRequests::CheckWhen(const Session& session, const Row& row,
                                        const Message& message) {
  if (row.when == When::kAlways) return absl::OkStatus();
  const uint32_t index = message.As<RingPayload>().index;
  for (size_t i = 0; i < session.rings_.size(); ++i) {
    if (row.when == When::kRingStopped && i != index) continue;
    if (session.rings_[i].started) {
      return absl::InvalidArgumentError(absl::StrCat("came while ring ", i, " is started"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> SessionRequests::RingNamed(const Session& session, uint64_t index) {
  if (index < session.rings_.size()) return static_cast<size_t>(index);
  return absl::InvalidArgumentError(absl::StrCat("there is no ring ", index, ": the port has ",
                                                 session.rings_.size() / 2, " queue pairs"));
}

absl::Status SessionRequests::Handle(Session& session, Message& message) {
  const Row& row = *RowOf(message.header.request);
  absl::Status status = CheckWhen(session, row, message);
  if (status.ok()) status = row.handler(session, message);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(row.spec.name, ": ", status.message()));
}

uint64_t SessionRequests::Offered(const Session& session) {
  return kOfferedFeatures | (session.limits_.offload ? kOffloadFeatures : 0);
}

absl::Status SessionRequests::GetFeatures(Session& session, Message& message) {
  return Reply(session.socket(), message.header.request, Offered(session));
}

absl::Status SessionRequests::SetFeatures(Session& session, Message& message) {
  const uint64_t asked = message.As<NumberPayload>().value;
  if (absl::Status status = CheckFeatures(asked, Offered(session)); !status.ok()) return status;
  if (absl::Status status = CheckOffloadFeatures(asked); !status.ok()) return status;
  session.features_ = asked;
  return absl::OkStatus();
}

absl::Status SessionRequests::GetProtocolFeatures(Session& session, Message& message) {
  return Reply(session.socket(), message.header.request, kOfferedProtocolFeatures);
}

absl::Status SessionRequests::SetProtocolFeatures(Session& session, Message& message) {
  const uint64_t asked = message.As<NumberPayload>().value;
  if (absl::Status status = CheckFeatures(asked, kOfferedProtocolFeatures); !status.ok()) {
    return status;
  }
  session.protocol_features_ = asked;
  return absl::OkStatus();
}

absl::Status SessionRequests::GetQueueNum(Session& session, Message& message) {
  return Reply(session.socket(), message.header.request, session.rings_.size() / 2);
}

// Whoever connected is the owner: the connection says it already.
absl::Status SessionRequests::SetOwner(Session& /*session*/, Message& /*message*/) {
  return absl::OkStatus();
}

// Deprecated; front-ends that still send it mean "stop".
absl::Status SessionRequests::ResetOwner(Session& session, Message& /*message*/) {
  for (RingSetup& setup : session.rings_) setup.enabled = false;
  session.StopAll();
  return absl::OkStatus();
}

absl::Status SessionRequests::SetMemTable(Session& session, Message& message) {
  const auto table = message.As<MemoryPayload>();
  const size_t count = message.fds.size();
  if (table.count != count ||
      message.header.size != offsetof(MemoryPayload, regions) + count * sizeof(RegionRequest)) {
    return absl::InvalidArgumentError(absl::StrCat("names ", table.count, " regions, in ",
                                                   message.header.size, " bytes, with ", count,
                                                   " descriptors"));
  }
  auto memory = GuestMemory::Map(std::span(table.regions, count), message.fds,
                                 session.limits_.memory_bytes, session.memory_.get());
  if (!memory.ok()) return memory.status();
  session.memory_ = *std::move(memory);
  for (size_t ring = 0; ring < session.rings_.size(); ++ring) {
    if (!session.rings_[ring].started) {
      if (absl::Status status = session.Start(ring); !status.ok()) return status;
    } else if (absl::Status status = session.Republish(ring); !status.ok()) {
      return status;
    }
  }
  session.AfterQuiescence([] { return absl::OkStatus(); });
  return absl::OkStatus();
}

// Publishes a started ring anew and waits until no worker has what it was before.
absl::Status SessionRequests::Replace(Session& session, size_t ring) {
  if (absl::Status status = session.Republish(ring); !status.ok()) return status;
  session.AfterQuiescence([] { return absl::OkStatus(); });
  return absl::OkStatus();
}

absl::Status SessionRequests::SetVringNum(Session& session, Message& message) {
  const auto payload = message.As<RingPayload>();
  const auto ring = RingNamed(session, payload.index);
  if (!ring.ok()) return ring.status();
  if (!std::has_single_bit(payload.value) || payload.value > kMaxRingSize) {
    return absl::InvalidArgumentError(absl::StrCat(
        "asks for a ring of ", payload.value, "; it must be a power of two up to ", kMaxRingSize));
  }
  session.rings_[*ring].size = payload.value;
  return session.Start(*ring);
}

absl::Status SessionRequests::SetVringAddr(Session& session, Message& message) {
  const auto payload = message.As<RingAddressPayload>();
  const auto ring = RingNamed(session, payload.index);
  if (!ring.ok()) return ring.status();
  if (payload.flags != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("has flags ", payload.flags, ": dirty logging was not offered"));
  }
  session.rings_[*ring].addresses = payload;
  return session.Start(*ring);
}

absl::Status SessionRequests::SetVringBase(Session& session, Message& message) {
  const auto payload = message.As<RingPayload>();
  const auto ring = RingNamed(session, payload.index);
  if (!ring.ok()) return ring.status();
  if (payload.value > 0xffff && (session.features_ & kFeaturePacked) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("has base ", payload.value, " of 16 bits"));
  }
  session.rings_[*ring].base = payload.value;
  return absl::OkStatus();
}

absl::Status SessionRequests::GetVringBase(Session& session, Message& message) {
  const auto ring = RingNamed(session, message.As<RingPayload>().index);
  if (!ring.ok()) return ring.status();
  session.Stop(*ring, 1, [&session, ring = *ring] {
    const RingPayload reply{static_cast<uint32_t>(ring), session.rings_[ring].base.value_or(0)};
    return SendReply(session.socket(), Request::kGetVringBase, reply);
  });
  return absl::OkStatus();
}

absl::Status SessionRequests::SetVringKick(Session& session, Message& message) {
  auto eventfd = EventFdOf(message);
  if (!eventfd.ok()) return eventfd.status();
  const auto ring = RingNamed(session, message.As<NumberPayload>().value & kRingIndexMask);
  if (!ring.ok()) return ring.status();
  RingSetup& setup = session.rings_[*ring];
  session.UnwatchKick(*ring);
  if (!eventfd->valid()) {
    setup.kick = nullptr;
    setup.kicked = true;  // the container wants its ring polled: nothing to wait for
  } else {
    const auto& kicks = session.queues_[*ring]->kicks;
    if (kicks != nullptr) {
      auto kick = KickSet::Watched(kicks, *std::move(eventfd));
      if (!kick.ok()) return kick.status();
      setup.kick = *std::move(kick);
    } else {
      setup.kick = std::make_shared<const UniqueFd>(*std::move(eventfd));
    }
    if (!setup.kicked) session.WatchKick(*ring);
  }
  return setup.started ? Replace(session, *ring) : session.Start(*ring);
}

absl::Status SessionRequests::SetVringCall(Session& session, Message& message) {
  auto eventfd = EventFdOf(message);
  if (!eventfd.ok()) return eventfd.status();
  const auto ring = RingNamed(session, message.As<NumberPayload>().value & kRingIndexMask);
  if (!ring.ok()) return ring.status();
  RingSetup& setup = session.rings_[*ring];
  setup.call = nullptr;
  if (eventfd->valid()) {
    const PortId port = session.queues_[*ring]->port();
    auto lease = session.services_.notifier.Register(port, *std::move(eventfd));
    if (!lease.ok()) return lease.status();
    setup.call = *std::move(lease);
  }
  return setup.started ? Replace(session, *ring) : absl::OkStatus();
}

// Errors of a ring end the connection, which says it too: the descriptor is not kept.
absl::Status SessionRequests::SetVringErr(Session& session, Message& message) {
  const auto ring = RingNamed(session, message.As<NumberPayload>().value & kRingIndexMask);
  if (!ring.ok()) return ring.status();
  return EventFdOf(message).status();
}

absl::Status SessionRequests::SetVringEnable(Session& session, Message& message) {
  const auto payload = message.As<RingPayload>();
  const auto ring = RingNamed(session, payload.index);
  if (!ring.ok()) return ring.status();
  if (payload.value > 1) {
    return absl::InvalidArgumentError(absl::StrCat("has value ", payload.value));
  }
  RingSetup& setup = session.rings_[*ring];
  setup.enabled = payload.value == 1;
  return setup.started ? Replace(session, *ring) : absl::OkStatus();
}

// The front-end tells its driver this MTU. It may come before SET_FEATURES: QEMU does it so. Frames
// of that length have to pass (virtio 1.2 §5.1.4.1), and longer ones than the port's never do.
absl::Status SessionRequests::NetSetMtu(Session& session, Message& message) {
  constexpr uint64_t kMinMtu = 68;
  const uint64_t mtu = message.As<NumberPayload>().value;
  if (mtu < kMinMtu || mtu > session.limits_.mtu) {
    return absl::InvalidArgumentError(absl::StrCat("tells its driver an MTU of ", mtu,
                                                   "; the port takes ", kMinMtu, " to ",
                                                   session.limits_.mtu));
  }
  session.mtu_ = static_cast<uint32_t>(mtu);
  return absl::OkStatus();
}

absl::Status SessionRequests::SetStatus(Session& session, Message& message) {
  const uint64_t status = message.As<NumberPayload>().value;
  if (status > 0xff) return absl::InvalidArgumentError(absl::StrFormat("has value %#x", status));
  session.status_ = status;
  // The way to refuse features is not to take their bit over (virtio 1.2 §3.1.1, step 6).
  if ((session.features_ & kFeatureVersion1) == 0) session.status_ &= ~kStatusFeaturesOk;
  if (status != 0) return absl::OkStatus();
  session.StopAll();  // 0 resets the device
  return absl::OkStatus();
}

absl::Status SessionRequests::GetStatus(Session& session, Message& message) {
  return Reply(session.socket(), message.header.request, session.status_);
}

}  // namespace weft::vhost
