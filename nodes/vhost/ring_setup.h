// SPDX-License-Identifier: Apache-2.0
// What the front-end has said about one ring so far, message by message, and the check of it as a
// whole. A Session owns one for each ring. Control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "core/base/unique_fd.h"
#include "nodes/vhost/protocol.h"
#include "nodes/vhost/queue.h"

namespace weft::vhost {

struct RingSetup {
  uint32_t size = 0;  // 0: not said yet
  std::optional<RingAddressPayload> addresses;
  // SET_VRING_BASE, and what GET_VRING_BASE answers while the ring is stopped. Split: the next
  // available index. Packed: the next slot and wrap counter to take, and in the upper half the next
  // to return, which front-ends from before that was said leave 0. Nothing: a fresh ring.
  std::optional<uint32_t> base;
  std::shared_ptr<const CallLease> call;
  std::shared_ptr<const UniqueFd> kick;
  bool kicked = false;   // the kick eventfd was signalled, or the container asked for polling
  bool enabled = false;  // SET_VRING_ENABLE
  bool started = false;  // kicked, validated, and not stopped since

  // True if nothing is missing that Validate needs.
  bool complete() const { return size != 0 && addresses.has_value(); }

  // Where a packed ring goes on: nothing says so but the base.
  uint16_t PackedStart() const;
  uint32_t BaseAt(bool packed, uint16_t position) const;

  // The ring as workers may use it, under these virtio features and in this memory. Error:
  // InvalidArgument, which says what is wrong with it.
  absl::StatusOr<std::unique_ptr<RingView>> Validate(
      uint64_t features, const std::shared_ptr<const GuestMemory>& memory) const;
};

}  // namespace weft::vhost
