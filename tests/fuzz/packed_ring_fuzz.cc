// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_vhost
// Packed rings of any content, in order or not; see ring_fuzz.h.
#include <array>
#include <vector>

#include "tests/fuzz/ring_fuzz.h"
#include "tests/nodes/vhost/packed_driver.h"

namespace weft::vhost::fuzz {
namespace {

using testing::PackedGuestRing;

// Where a container wants its next interrupt, and what a switch that looks at every descriptor by
// itself does about it (virtio 1.2 §2.8.10).
class Interrupts {
 public:
  Interrupts(PackedGuestRing& ring, uint16_t position) : ring_(ring), position_(position) {}
  void Choose(InputReader& input) {
    flags_ = input.Byte() % 4;
    event_ = static_cast<uint16_t>(position_ + input.Byte() % 4 - 1);
    ring_.SetEvent(flags_, event_);
  }
  // The ring was published: `asked` is what the code says.
  void Check(bool asked) {
    const uint16_t now = ring_.queue().cursor.next_used;
    bool passed = false;
    // In a ring of few descriptors the same slot comes round again.
    const auto around = static_cast<uint16_t>(2U * ring_.size() - 1U);
    for (; position_ != now; ++position_) passed |= ((position_ ^ event_) & around) == 0;
    // A new call descriptor is used once, unless nothing is wanted at all.
    const bool fresh = std::exchange(first_, false);
    const bool wanted =
        flags_ != kEventDisable && (fresh || flags_ != kEventAtDescriptor || passed);
    Require(asked == wanted);
    Require(ring_.device_event_flags() == kEventDisable);
  }

 private:
  PackedGuestRing& ring_;
  uint16_t position_;
  uint16_t event_ = 0;
  uint16_t flags_ = 0;
  bool first_ = true;
};

PackedDescriptor ChooseDescriptor(InputReader& input, Guest& data, Mode mode, int depth = 0) {
  PackedDescriptor d{};
  d.flags = input.Byte() % 8;
  if (d.flags >= 4 && input.Byte() % 2 != 0) d.flags &= 3;
  if ((d.flags & Descriptor::kIndirect) != 0 && depth == 0) {
    const size_t entries = input.Byte() % 67;
    d.length = static_cast<uint32_t>(entries * sizeof(d)) + (input.Byte() == 1 ? 1 : 0);
    d.address = data.Allocate(d.length, 1);
    for (size_t i = 0; i < entries; ++i) {
      const PackedDescriptor entry = ChooseDescriptor(input, data, mode, 1);
      std::memcpy(data.At(d.address + i * sizeof(entry)), &entry, sizeof(entry));
    }
    return d;
  }
  d.length = ChooseLength(input);
  d.address = ChooseAddress(input, data, d.length, mode);
  return d;
}

struct PackedLayout {
  using Ring = PackedGuestRing;
  using Interrupts = fuzz::Interrupts;
  // Offers chains that end where one ends or where the ring is full; a last one may have no end,
  // and its descriptors may not be the container's to offer.
  static bool Fill(InputReader& input, PackedGuestRing& ring, Guest& data, Mode mode) {
    ring.view().in_order = input.Byte() % 2 != 0;
    size_t left = input.Byte() % (ring.size() + 1U);
    while (left != 0) {
      std::vector<PackedDescriptor> chain;
      do {
        chain.push_back(ChooseDescriptor(input, data, mode));
      } while (--left != 0 && (chain.back().flags & Descriptor::kNext) != 0);
      ring.OfferDescriptors(chain);
    }
    const bool honest = input.Byte() != 1;
    if (!honest) {
      for (size_t i = 0; i < ring.size(); ++i) {
        ring.At(static_cast<uint16_t>(ring.next_available() + i)).flags ^=
            static_cast<uint16_t>(input.Byte() << 8 | input.Byte());
      }
    }
    return honest;
  }
};

}  // namespace
}  // namespace weft::vhost::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::vhost::fuzz::InputReader input(data, size);
  weft::vhost::fuzz::Run<weft::vhost::fuzz::PackedLayout>(input);
  return 0;
}
