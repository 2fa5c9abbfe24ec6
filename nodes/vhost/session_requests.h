// SPDX-License-Identifier: Apache-2.0
// The table of vhost-user requests that weft understands, and what a Session does for each: one row
// and one handler a request. Control thread.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nodes/vhost/message.h"
#include "nodes/vhost/session.h"

namespace weft::vhost {

class SessionRequests {
 public:
  static const RequestSpec* Find(Request request);

  // Does what the message asks for. The message fits its RequestSpec. An error ends the session.
  static absl::Status Handle(Session& session, Message& message);

  // True for requests that are answered by a value, so that no acknowledgement follows.
  static bool HasReply(Request request);

 private:
  enum class When { kAlways, kRingStopped, kAllRingsStopped };
  struct Row {
    RequestSpec spec;
    bool has_reply;
    When when;
    absl::Status (*handler)(Session& session, Message& message);
  };
  static const Row kRows[];
  static const Row* RowOf(Request request);
  static uint64_t Offered(const Session& session);
  static absl::Status CheckWhen(const Session& session, const Row& row, const Message& message);
  static absl::Status Replace(Session& session, size_t ring);
  static absl::StatusOr<size_t> RingNamed(const Session& session, uint64_t index);

  static absl::Status GetFeatures(Session& session, Message& message);
  static absl::Status SetFeatures(Session& session, Message& message);
  static absl::Status SetOwner(Session& session, Message& message);
  static absl::Status ResetOwner(Session& session, Message& message);
  static absl::Status SetMemTable(Session& session, Message& message);
  static absl::Status SetVringNum(Session& session, Message& message);
  static absl::Status SetVringAddr(Session& session, Message& message);
  static absl::Status SetVringBase(Session& session, Message& message);
  static absl::Status GetVringBase(Session& session, Message& message);
  static absl::Status SetVringKick(Session& session, Message& message);
  static absl::Status SetVringCall(Session& session, Message& message);
  static absl::Status SetVringErr(Session& session, Message& message);
  static absl::Status GetProtocolFeatures(Session& session, Message& message);
  static absl::Status SetProtocolFeatures(Session& session, Message& message);
  static absl::Status GetQueueNum(Session& session, Message& message);
  static absl::Status SetVringEnable(Session& session, Message& message);
  static absl::Status NetSetMtu(Session& session, Message& message);
  static absl::Status SetStatus(Session& session, Message& message);
  static absl::Status GetStatus(Session& session, Message& message);
};

}  // namespace weft::vhost
