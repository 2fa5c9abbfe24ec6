// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_vhost
// Split rings of any content; see ring_fuzz.h.
#include "tests/fuzz/ring_fuzz.h"

namespace weft::vhost::fuzz {
namespace {

using testing::GuestRing;

// Where a container wants its next interrupt, and what a switch that looks at every position by
// itself does about it (virtio 1.2 §2.7.7.2).
class Interrupts {
 public:
  Interrupts(GuestRing& ring, uint16_t index) : ring_(ring), index_(index) {}
  void Choose(InputReader& input) {
    event_ = static_cast<uint16_t>(index_ + input.Byte() % 4 - 1);
    ring_.SetUsedEvent(event_);
  }
  // The ring was published: `asked` is what the code says.
  void Check(bool asked) {
    bool wanted = std::exchange(first_, false);  // a new call descriptor is used once in any case
    for (; index_ != ring_.used_index(); ++index_) wanted |= index_ == event_;
    Require(asked == wanted);
    Require(ring_.used_flags() == 0 && ring_.avail_event() == 0);
  }

 private:
  GuestRing& ring_;
  uint16_t index_;
  uint16_t event_ = 0;
  bool first_ = true;
};

Descriptor ChooseDescriptor(InputReader& input, Guest& data, Mode mode, int depth = 0) {
  Descriptor d{};
  d.flags = input.Byte() % 8;
  if (d.flags >= 4 && input.Byte() % 2 != 0) d.flags &= 3;
  d.next = input.Byte() % 66;
  if ((d.flags & Descriptor::kIndirect) != 0 && depth == 0) {
    const size_t entries = input.Byte() % 67;
    d.length = static_cast<uint32_t>(entries * sizeof(Descriptor)) + (input.Byte() == 1 ? 1 : 0);
    d.address = data.Allocate(d.length, 1);
    for (size_t i = 0; i < entries; ++i) {
      const Descriptor entry = ChooseDescriptor(input, data, mode, 1);
      std::memcpy(data.At(d.address + i * sizeof(Descriptor)), &entry, sizeof(entry));
    }
    return d;
  }
  d.length = ChooseLength(input);
  d.address = ChooseAddress(input, data, d.length, mode);
  return d;
}

// Fills the table and offers heads.
void Fill(InputReader& input, GuestRing& ring, Guest& data, Mode mode) {
  for (uint16_t i = 0; i < ring.size(); ++i) ring.Write(i, ChooseDescriptor(input, data, mode));
  const size_t heads = input.Byte() % (ring.size() + 1u);
  for (size_t i = 0; i < heads; ++i) {
    ring.Offer(static_cast<uint16_t>(input.Byte() % (ring.size() + 1u)));
  }
  if (input.Byte() == 1) ring.SetAvailIndex(static_cast<uint16_t>(ring.avail_index() + 99));
}

struct SplitLayout {
  using Ring = GuestRing;
  using Interrupts = fuzz::Interrupts;
  static bool Fill(InputReader& input, GuestRing& ring, Guest& data, Mode mode) {
    fuzz::Fill(input, ring, data, mode);
    return true;
  }
};

}  // namespace
}  // namespace weft::vhost::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::vhost::fuzz::InputReader input(data, size);
  weft::vhost::fuzz::Run<weft::vhost::fuzz::SplitLayout>(input);
  return 0;
}
