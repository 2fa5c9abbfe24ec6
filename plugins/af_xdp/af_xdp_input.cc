// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/af_xdp_input.h"

#include <algorithm>
#include <span>

#include "plugins/af_xdp/checksum.h"

namespace weft::af_xdp {

void AfXdpInput::Poll(Frame& frame) {
  const PortsTable* const table = table_.Load();
  if (table == nullptr) return;
  const std::span<const InputQueue> inputs = table->inputs(worker_);
  if (inputs.empty()) return;
  // Who comes after the queue that filled the last vector is the first now; if none did, the next.
  size_t at = next_queue_ < inputs.size() ? next_queue_ : 0;
  next_queue_ = at + 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    PollQueue(inputs[at], frame);
    at = at + 1 < inputs.size() ? at + 1 : 0;
    if (frame.room() == 0) {
      next_queue_ = at;
      return;
    }
  }
}

void AfXdpInput::PollQueue(const InputQueue& input, Frame& frame) {
  XdpQueue& queue = *input.queue;
  const PortQueues& port = *input.port;
  // What the kernel did not take at the end of the last dispatch.
  if (queue.WaitsForKick()) [[unlikely]]
    queue.Kick();
  queue.Drive();
  PacketPool& pool = graph_->pool();
  // lent_ has room: each of its frames is in `frame`, or was dropped in this very call.
  const size_t room = std::min({frame.room(), pool.available(), Frame::kCapacity - lent_count_});
  const uint32_t got = queue.Received(static_cast<uint32_t>(room));
  if (got == 0) return;
  const uint64_t begin = Cycles();
  const size_t before = frame.size();
  uint64_t bytes = 0;
  uint64_t completed = 0;
  for (uint32_t i = 0; i < got; ++i) {
    const xdp_desc descriptor = queue.Take();
    if (!queue.Holds(descriptor)) [[unlikely]] {  // no chunk that could be given back
      CountDrop(port.port, Drop::kBadDescriptor);
      continue;
    }
    lent_[lent_count_++] = {&queue, descriptor.addr};
    if (descriptor.len < kMinFrame) [[unlikely]] {
      CountDrop(port.port, Drop::kRunt);
      continue;
    }
    uint8_t* const header = queue.At(descriptor.addr);
    if (port.complete_checksums && CompleteChecksum(header, descriptor.len)) ++completed;
    Packet* const packet = pool.Take();  // there is one: `room` says so
    packet->Reset(port.port, header, descriptor.len);
    bytes += descriptor.len;
    frame.Push(packet);
  }
  queue.Release();
  if (completed != 0) Count(Counter::kCompletedChecksums, completed);
  PortCounters& counters = port_counters(port.port);
  counters.rx_packets.Add(frame.size() - before);
  counters.rx_bytes.Add(bytes);
  counters.rx_cycles.Add(Cycles() - begin);
}

void AfXdpInput::EndDispatch() {
  for (size_t i = 0; i < lent_count_; ++i) {
    XdpQueue& queue = *lent_[i].queue;
    queue.GiveBack(lent_[i].address);
    if (i + 1 == lent_count_ || lent_[i + 1].queue != &queue) queue.PublishFree();
  }
  lent_count_ = 0;
}

bool AfXdpInput::CanSleep() {
  const PortsTable* const table = table_.Load();
  return table == nullptr || table->inputs(worker_).size() <= kMaxWatched;
}

// A socket can be read as long as frames wait in its ring: there is nothing to arm, and who sleeps
// on it after a frame has come wakes at once.
void AfXdpInput::PrepareSleep(SleepSet& set) {
  const PortsTable* const table = table_.Load();
  if (table == nullptr) return;
  for (const InputQueue& input : table->inputs(worker_)) {
    if (input.queue->WaitsForKick()) set.StayAwake();
    set.Watch(input.queue->socket());
  }
}

}  // namespace weft::af_xdp
