// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/ring_setup.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "nodes/vhost/packed_layout.h"

namespace weft::vhost {
namespace {

// One of the three parts of a ring (virtio 1.2 §2.7 and §2.8.10, tables of alignments and sizes).
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

// Which work a feature bit is about, in either direction.
struct OffloadFeature {
  uint64_t feature;
  OffloadSet work;
};
constexpr std::array<OffloadFeature, 4> kDriverLeaves = {{{kFeatureChecksum, kOffloadChecksum},
                                                          {kFeatureHostTso4, kOffloadTso4},
                                                          {kFeatureHostTso6, kOffloadTso6},
                                                          {kFeatureHostEcn, kOffloadEcn}}};
constexpr std::array<OffloadFeature, 4> kDriverTakes = {{{kFeatureGuestChecksum, kOffloadChecksum},
                                                         {kFeatureGuestTso4, kOffloadTso4},
                                                         {kFeatureGuestTso6, kOffloadTso6},
                                                         {kFeatureGuestEcn, kOffloadEcn}}};

OffloadSet OffloadsOf(uint64_t features, const std::array<OffloadFeature, 4>& direction) {
  uint32_t work = 0;
  for (const OffloadFeature& row : direction) {
    if ((features & row.feature) != 0) work |= row.work;
  }
  return static_cast<OffloadSet>(work);
}

}  // namespace

// Buffers between the two positions were taken and not returned when the ring stopped: a ring of
// weft's never stops so, but it may be another's. They are taken again.
uint16_t RingSetup::PackedStart() const {
  if (!base.has_value()) return 0;
  const uint32_t to_return = *base >> 16;
  const bool known = to_return != 0 && (to_return & 0x7fff) < size;
  return PackedPosition(static_cast<uint16_t>(known ? to_return : *base),
                        static_cast<uint16_t>(size));
}

uint32_t RingSetup::BaseAt(bool packed, uint16_t position) const {
  if (!packed) return position;
  const uint32_t slot = PackedBase(position, static_cast<uint16_t>(size));
  return slot | slot << 16;
}

absl::StatusOr<std::unique_ptr<RingView>> RingSetup::Validate(
    uint64_t features, const std::shared_ptr<const GuestMemory>& memory) const {
  // Without VERSION_1 the virtio-net header has another size (virtio 1.2 §5.1.6.1).
  if ((features & kFeatureVersion1) == 0) {
    return absl::InvalidArgumentError("the container did not accept VIRTIO_F_VERSION_1");
  }
  const bool packed = (features & kFeaturePacked) != 0;
  if (packed && (base.value_or(0) & 0x7fff) >= size) {
    return absl::InvalidArgumentError(
        absl::StrCat("its base names slot ", *base & 0x7fff, " of a ring of ", size));
  }
  const uint64_t entries = size;
  const auto descriptors = Part(*memory, packed ? "descriptor ring" : "descriptor table",
                                addresses->descriptors, sizeof(Descriptor) * entries, 16);
  if (!descriptors.ok()) return descriptors.status();
  const auto available =
      packed ? Part(*memory, "driver event area", addresses->available, kEventArea, 4)
             : Part(*memory, "available ring", addresses->available, 6 + 2 * entries, 2);
  if (!available.ok()) return available.status();
  const auto used = packed ? Part(*memory, "device event area", addresses->used, kEventArea, 4)
                           : Part(*memory, "used ring", addresses->used, 6 + 8 * entries, 4);
  if (!used.ok()) return used.status();

  auto view = std::make_unique<RingView>();
  view->size = static_cast<uint16_t>(size);
  view->packed = packed;
  view->mergeable = (features & kFeatureMergeable) != 0;
  view->indirect = (features & kFeatureIndirect) != 0;
  view->event_index = (features & kFeatureEventIndex) != 0;
  view->in_order = (features & kFeatureInOrder) != 0;
  view->left = OffloadsOf(features, kDriverLeaves);
  view->taken = OffloadsOf(features, kDriverTakes);
  if ((view->left & kOffloadTso) != 0) view->longest_frame = kMaxOffloadFrame;
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
