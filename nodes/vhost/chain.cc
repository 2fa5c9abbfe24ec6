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

// §2.7.5.3.1: without NEXT. §2.7.5.3.2: the WRITE bit of the descriptor that refers to the table
// means nothing.
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
  constexpr bool kWritable = kDirection == Direction::kToGuest;
  chain.count = 0;
  chain.descriptors = 0;
  chain.bytes = 0;

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
    chain.descriptors = steps;
    if ((descriptor.flags & Descriptor::kIndirect) != 0) return ChainFault::kIndirect;
    if (((descriptor.flags & Descriptor::kWrite) != 0) != kWritable) return ChainFault::kDirection;
    chain.bytes += descriptor.length;
    if (!kWritable && chain.bytes > kMaxChainBytes) return ChainFault::kTooManyBytes;
    if (descriptor.length != 0) {
      const ForeignPtr data = view.memory->Translate(descriptor.address, descriptor.length);
      if (!data) return ChainFault::kUnmapped;
      chain.pieces[chain.count++] = Segment{data, descriptor.length};
    }
    if ((descriptor.flags & Descriptor::kNext) == 0) return ChainFault::kNone;

    index = descriptor.next;
    if (index >= size) return ChainFault::kNext;
    const auto visited_end = visited.begin() + static_cast<ptrdiff_t>(steps);
    if (std::find(visited.begin(), visited_end, index) != visited_end) return ChainFault::kLoop;
    if (steps == kMaxChain) return ChainFault::kTooManyDescriptors;
    descriptor = table.size != 0 ? table.entries[index] : LoadDescriptor(view, index);
  }
}

template ChainFault WalkChain<Direction::kToGuest>(const RingView&, uint16_t, const Descriptor&,
                                                   Chain&);
template ChainFault WalkChain<Direction::kToSwitch>(const RingView&, uint16_t, const Descriptor&,
                                                    Chain&);

}  // namespace weft::vhost
