// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/ring_setup.h"

#include "absl/strings/str_cat.h"

namespace weft::vhost {
namespace {

// One of the three parts of a split ring (virtio 1.2 §2.7, table of alignments and sizes).
absl::StatusOr<ForeignPtr> Part(const GuestMemory& memory, absl::string_view name,
                                uint64_t user_address, uint64_t length, uint64_t alignment) {
  if (user_address % alignment != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", name, " is not aligned to ", alignment, " bytes"));
  }
  const ForeignPtr place = memory.TranslateUser(user_address, length);
  if (!place) {
    return absl::InvalidArgumentError(
        absl::StrCat("its ", name, " of ", length, " bytes is not inside one memory region"));
  }
  return place;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RingView>> RingSetup::Validate(
    uint64_t features, const std::shared_ptr<const GuestMemory>& memory) const {
  // Without VERSION_1 the virtio-net header has another size (virtio 1.2 §5.1.6.1).
  if ((features & kFeatureVersion1) == 0) {
    return absl::InvalidArgumentError("the container did not accept VIRTIO_F_VERSION_1");
  }
  const auto descriptors =
      Part(*memory, "descriptor table", addresses->descriptors, uint64_t{16} * size, 16);
  if (!descriptors.ok()) return descriptors.status();
  const auto available =
      Part(*memory, "available ring", addresses->available, 6 + uint64_t{2} * size, 2);
  if (!available.ok()) return available.status();
  const auto used = Part(*memory, "used ring", addresses->used, 6 + uint64_t{8} * size, 4);
  if (!used.ok()) return used.status();

  auto view = std::make_unique<RingView>();
  view->size = static_cast<uint16_t>(size);
  view->mergeable = (features & kFeatureMergeable) != 0;
  view->indirect = (features & kFeatureIndirect) != 0;
  view->event_index = (features & kFeatureEventIndex) != 0;
  view->in_order = (features & kFeatureInOrder) != 0;
  view->call = call == nullptr ? CallHandle() : call->handle();
  view->descriptors = *descriptors;
  view->available = *available;
  view->used = *used;
  view->memory = memory;
  view->call_lease = call;
  view->kick = kick;
  return view;
}

}  // namespace weft::vhost
