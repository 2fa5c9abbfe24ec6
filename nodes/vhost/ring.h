// SPDX-License-Identifier: Apache-2.0
// What nodes do with a ring, whatever its layout. Workers only.
#pragma once

#include "nodes/vhost/packed_layout.h"
#include "nodes/vhost/queue.h"
#include "nodes/vhost/ring_layout.h"

namespace weft::vhost {

// Brings nearer what the container writes when it makes something available.
inline void PrefetchNext(const Queue& queue, const RingView& view) {
  (view.packed ? PackedAt(view, queue.cursor.next_avail) : view.available).Prefetch();
}

// Publishes everything that was returned so far. True if the container wants to be interrupted.
[[nodiscard]] inline bool Publish(Queue& queue, const RingView& view) {
  return view.packed ? PublishPacked(queue, view) : PublishSplit(queue, view);
}

// Asks the container for a kick when it makes something available; the next Publish says again that
// none is wanted. Then comes a full barrier, and one more look by IsIdle: what the container made
// available before it could see this is there by then (virtio 1.2 §2.7.13.4, §2.8.21.3).
inline void AskForKick(Queue& queue, const RingView& view) {
  if (view.packed) return AskForKickPacked(queue, view);
  AskForKickSplit(queue, view);
}

// Whether there is nothing to take. What is wrong is something too: the reader judges it.
inline bool IsIdle(const Queue& queue, const RingView& view) {
  return view.packed ? IsIdlePacked(queue, view) : IsIdleSplit(queue, view);
}

}  // namespace weft::vhost
