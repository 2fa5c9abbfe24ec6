// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/chain.h"

#include <algorithm>

#include "nodes/vhost/virtio_net.h"

namespace weft::vhost {
namespace {

// A private copy of an indirect table.
struct IndirectTable {
  Descriptor entries[kMaxIndirect];
  uint16_t size = 0;
};

// Adds what one descriptor of a chain refers to.
template <Direction kDirection>
ChainFault Add(const RingView& view, const Descriptor& descriptor, Chain& chain) {
  constexpr bool kWritable = kDirection == Direction::kToGuest;
  ++chain.descriptors;
  if ((descriptor.flags & Descriptor::kIndirect) != 0) return ChainFault::kIndirect;
  if (((descriptor.flags & Descriptor::kWrite) != 0) != kWritable) return ChainFault::kDirection;
  chain.bytes += descriptor.length;
  if (!kWritable && chain.bytes > kNetHeader + view.longest_frame) {
    return ChainFault::kTooManyBytes;
  }
  if (descriptor.length == 0) return ChainFault::kNone;
  const ForeignPtr data = view.memory->Translate(descriptor.address, descriptor.length);
  if (!data) return ChainFault::kUnmapped;
  chain.pieces[chain.count++] = Segment{data, descriptor.length};
  return ChainFault::kNone;
}

void Clear(Chain& chain) {
  chain.count = 0;
  chain.descriptors = 0;
  chain.bytes = 0;
}

// §2.7.5.3.1, §2.8.19: without NEXT. §2.7.5.3.2: the WRITE bit of the descriptor that refers to the
// table means nothing.
ChainFault CopyTable(const RingView& view, const Descriptor& descriptor, IndirectTable& table) {
  const bool legal = view.indirect && (descriptor.flags & Descriptor::kNext) == 0 &&
                     descriptor.length != 0 && descriptor.length % sizeof(Descriptor) == 0 &&
                     descriptor.length <= sizeof(table.entries);
  if (!legal) return ChainFault::kIndirect;
  const ForeignPtr at = view.memory->Translate(descriptor.address, descriptor.length);
  if (!at) return ChainFault::kUnmapped;
  at.CopyOut(table.entries, descriptor.length);
  table.size = static_cast<uint16_t>(descriptor.length / sizeof(Descriptor));
  return ChainFault::kNone;
}

}  // namespace

template <Direction kDirection>
ChainFault WalkChain(const RingView& view, uint16_t head, const Descriptor& first, Chain& chain) {
  Clear(chain);
  Descriptor descriptor = first;
  uint16_t index = head;
  uint16_t size = view.size;
  IndirectTable table;
  if ((first.flags & Descriptor::kIndirect) != 0) {
    const ChainFault fault = CopyTable(view, first, table);
    if (fault != ChainFault::kNone) return fault;
    descriptor = table.entries[0];
    index = 0;
    size = table.size;
  }

  std::array<uint16_t, kMaxChain> visited;
  for (size_t steps = 0;;) {
    visited[steps++] = index;
    const ChainFault fault = Add<kDirection>(view, descriptor, chain);
    if (fault != ChainFault::kNone) return fault;
    if ((descriptor.flags & Descriptor::kNext) == 0) return ChainFault::kNone;

    index = descriptor.next;
    if (index >= size) return ChainFault::kNext;
    const auto visited_end = visited.begin() + static_cast<ptrdiff_t>(steps);
    if (std::find(visited.begin(), visited_end, index) != visited_end) return ChainFault::kLoop;
    if (steps == kMaxChain) return ChainFault::kTooManyDescriptors;
    descriptor = table.size != 0 ? table.entries[index] : LoadDescriptor(view, index);
  }
}

template <Direction kDirection>
ChainFault WalkPacked(const RingView& view, std::span<const Descriptor> descriptors, Chain& chain) {
  Clear(chain);
  if (descriptors.size() > kMaxChain) return ChainFault::kTooManyDescriptors;
  IndirectTable table;
  if ((descriptors[0].flags & Descriptor::kIndirect) != 0) {
    const ChainFault fault = CopyTable(view, descriptors[0], table);
    if (fault != ChainFault::kNone) return fault;
    // §2.8.7: the entries are in order; NEXT and id are reserved.
    descriptors = std::span(table.entries, table.size);
    for (Descriptor& entry : std::span(table.entries, table.size)) {
      entry.flags = entry.next & (Descriptor::kWrite | Descriptor::kIndirect);
    }
  }
  for (const Descriptor& descriptor : descriptors) {
    const ChainFault fault = Add<kDirection>(view, descriptor, chain);
    if (fault != ChainFault::kNone) return fault;
  }
  return ChainFault::kNone;
}

template ChainFault WalkChain<Direction::kToGuest>(const RingView&, uint16_t, const Descriptor&,
                                                   Chain&);
template ChainFault WalkChain<Direction::kToSwitch>(const RingView&, uint16_t, const Descriptor&,
                                                    Chain&);
template ChainFault WalkPacked<Direction::kToGuest>(const RingView&, std::span<const Descriptor>,
                                                    Chain&);
template ChainFault WalkPacked<Direction::kToSwitch>(const RingView&, std::span<const Descriptor>,
                                                     Chain&);

}  // namespace weft::vhost
