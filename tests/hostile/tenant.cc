// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/tenant.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <mutex>
#include <utility>

#include "tests/nodes/vhost/packed_driver.h"

namespace weft::hostile {
namespace {

using vhost::Direction;
using vhost::NumberPayload;
using vhost::Request;
using vhost::RingPayload;
using vhost::testing::Guest;
using vhost::testing::GuestQueue;
using vhost::testing::GuestRing;
using vhost::testing::PackedGuestRing;

constexpr size_t kBufferBytes = 2048;

// A guest's memory is watched in the one table of its process, which one thread at a time may
// write.
std::mutex& GuestTable() {
  static std::mutex mutex;
  return mutex;
}

std::unique_ptr<GuestQueue> MakeRing(Rings rings, Guest& guest, Direction direction) {
  if (rings == Rings::kPacked) {
    return std::make_unique<PackedGuestRing>(guest, Tenant::kRingSize, direction);
  }
  return std::make_unique<GuestRing>(guest, Tenant::kRingSize, direction);
}

}  // namespace

Tenant::Tenant(TenantOptions options) : options_(std::move(options)) {
  {
    const std::scoped_lock lock(GuestTable());
    guest_ = std::make_unique<Guest>(options_.memory, options_.file);
  }
  for (uint32_t index = 0; index < 2 * options_.pairs; ++index) {
    rings_.push_back(MakeRing(options_.rings, *guest_, vhost::DirectionOf(index)));
    kick_.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    call_.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (vhost::DirectionOf(index) == Direction::kToSwitch) continue;
    for (uint16_t i = 0; i < options_.buffers; ++i) rings_[index]->Post(kBufferBytes);
  }
  mark_ = guest_->allocated();
}

Tenant::~Tenant() {
  link_.Close();
  rings_.clear();
  const std::scoped_lock lock(GuestTable());
  guest_.reset();
}

bool Tenant::Reach(Stage stage) {
  if (!Connect()) return false;
  if (stage == Stage::kFresh) return true;
  if (!Negotiate()) return false;
  if (stage == Stage::kNegotiated) return true;
  if (!ShareMemory()) return false;
  for (uint32_t index = 0; index < rings_there(); ++index) {
    if (!SetUpRing(index)) return false;
  }
  return stage == Stage::kRunning || Stop();
}

bool Tenant::Negotiate() {
  const uint64_t packed = options_.rings == Rings::kPacked ? vhost::kFeaturePacked : 0;
  const NumberPayload features{options_.features | packed};
  const NumberPayload protocol{vhost::kOfferedProtocolFeatures};
  return link_.Send(Request::kSetOwner) &&
         link_.Send(Request::kSetProtocolFeatures, PayloadOf(protocol)) &&
         link_.Send(Request::kSetFeatures, PayloadOf(features)) && link_.Answers();
}

vhost::RegionRequest Tenant::region() const {
  return {.guest_address = Guest::kBase,
          .size = options_.memory,
          .user_address = Guest::kUserBase,
          .file_offset = 0};
}

bool Tenant::ShareMemory() {
  const vhost::RegionRequest whole = region();
  const int file = guest_->file();
  return link_.Send(Request::kSetMemTable, TableOf({&whole, 1}), {&file, 1}) && link_.Answers();
}

bool Tenant::SetUpRing(uint32_t index) {
  const GuestQueue& ring = *rings_[index];
  const int call = call_[index].get();
  const int kick = kick_[index].get();
  const bool sent =
      link_.Send(Request::kSetVringCall, PayloadOf(NumberPayload{index}), {&call, 1}) &&
      link_.Send(Request::kSetVringNum, PayloadOf(RingPayload{index, ring.size()})) &&
      link_.Send(Request::kSetVringBase, PayloadOf(RingPayload{index, ring.base()})) &&
      link_.Send(Request::kSetVringAddr, PayloadOf(ring.addresses(index))) &&
      link_.Send(Request::kSetVringEnable, PayloadOf(RingPayload{index, 1})) &&
      link_.Send(Request::kSetVringKick, PayloadOf(NumberPayload{index}), {&kick, 1});
  if (!sent) return false;
  Kick(index);
  return link_.Answers();
}

bool Tenant::Stop() {
  for (uint32_t index = 0; index < rings_there(); ++index) {
    if (!link_.Send(Request::kGetVringBase, PayloadOf(RingPayload{index, 0})) ||
        !link_.Reply(Request::kGetVringBase).has_value()) {
      return false;
    }
  }
  return true;
}

void Tenant::Kick(uint32_t index) const {
  // It cannot fail but by a count that is full, and then the switch has been kicked already.
  [[maybe_unused]] const int kicked = eventfd_write(kick_[index].get(), 1);
}

void Tenant::Transmit(const Bytes& frame) {
  GuestQueue& ring = *rings_[kTransmit];
  // Frames go round in the same memory: few are on their way at a time.
  if (guest_->allocated() > mark_ + (1 << 20)) guest_->Rewind(mark_);
  taken_ += static_cast<uint32_t>(ring.TakeUsed().size());
  ring.Send(frame);
  ++sent_;
  Kick(kTransmit);
}

uint32_t Tenant::on_the_way() {
  taken_ += static_cast<uint32_t>(rings_[kTransmit]->TakeUsed().size());
  return sent_ - taken_;
}

std::optional<Bytes> Tenant::Receive() {
  GuestQueue& ring = *rings_[kReceive];
  if (arrived_.empty()) arrived_ = ring.TakeUsed();
  if (arrived_.empty()) return std::nullopt;
  const vhost::UsedElement used = arrived_.front();
  arrived_.erase(arrived_.begin());
  const auto id = static_cast<uint16_t>(used.head);
  Bytes bytes = ring.ChainBytes(id);
  bytes.resize(used.length);
  ring.Offer(id);
  Kick(kReceive);
  bytes.erase(bytes.begin(),
              bytes.begin() + std::min<ptrdiff_t>(vhost::kNetHeader, std::ssize(bytes)));
  return bytes;
}

Payload TableOf(std::span<const vhost::RegionRequest> regions) {
  const uint64_t count = regions.size();
  Payload bytes(sizeof(count) + regions.size_bytes());
  std::memcpy(bytes.data(), &count, sizeof(count));
  if (!regions.empty()) {
    std::memcpy(bytes.data() + sizeof(count), regions.data(), regions.size_bytes());
  }
  return bytes;
}

}  // namespace weft::hostile
