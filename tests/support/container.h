// SPDX-License-Identifier: Apache-2.0
// A container that sends and receives Ethernet frames over a real vhost port: a FrontEnd with
// buffers in its rings. One descriptor a frame, 256 of each kind.
//
//   Container container(pump);
//   container.Attach(socket_path);      // connects, shakes hands, posts its receive buffers
//   container.Send(frame);
//   EXPECT_THAT(container.Receive(), ElementsAre(frame));
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nodes/vhost/virtio_net.h"
#include "tests/support/frames.h"
#include "tests/support/front_end.h"

namespace weft::vhost::testing {

class Container {
 public:
  static constexpr uint16_t kBuffers = 256;
  static constexpr uint32_t kBufferSize =
      12'288;  // the longest frame, its header, and room to spare

  explicit Container(std::function<void()> pump) : front_end_(std::move(pump)) {}

  void Attach(const std::string& socket, uint64_t features = kSplitFeatures) {
    event_index_ = (features & kFeatureEventIndex) != 0;
    for (uint16_t i = 0; i < kBuffers; ++i) Post(i);
    front_end_.Connect(socket);
    front_end_.Handshake(features);
  }
  void Detach() { front_end_.Disconnect(); }

  // Puts a frame into the transmit ring; at most kBuffers may be there at a time.
  void Send(const weft::testing::Bytes& frame) {
    const auto slot = static_cast<uint16_t>(sent_++ % kBuffers);
    uint8_t* const at = front_end_.at(TransmitOffset(slot));
    std::memset(at, 0, kNetHeader);
    if (!frame.empty()) std::memcpy(at + kNetHeader, frame.data(), frame.size());
    front_end_.ring(kTransmit).descriptors[slot] = {
        FrontEnd::guest_address(TransmitOffset(slot)),
        static_cast<uint32_t>(kNetHeader + frame.size()), 0, 0};
    front_end_.ring(kTransmit).Offer(slot);
    // Whether weft wants to be kicked is looked at after the index is there for it to see
    // (virtio 1.2 §2.7.13.4).
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!WantsKick(front_end_.ring(kTransmit))) return;
    ++kicks_;
    eventfd_write(front_end_.kick_fd(kTransmit), 1);
  }
  // How often weft was asleep, or might have been, when a frame was sent.
  uint64_t kicks() const { return kicks_; }
  FrontEnd& front_end() { return front_end_; }
  // How many of the frames that were sent have come back to be used again.
  uint16_t returned() { return front_end_.ring(kTransmit).used_index(); }

  // What has arrived since the last time, in order. Its buffers are posted again.
  std::vector<weft::testing::Bytes> Receive() {
    std::vector<weft::testing::Bytes> frames;
    Ring& ring = front_end_.ring(kReceive);
    for (; seen_ != ring.used_index(); ++seen_) {
      const SharedUsed element = ring.used_element(seen_);
      const uint8_t* const at = front_end_.at(ReceiveOffset(static_cast<uint16_t>(element.id)));
      frames.emplace_back(at + kNetHeader, at + element.length);
      Post(static_cast<uint16_t>(element.id));
    }
    return frames;
  }

 private:
  static constexpr uint32_t kReceive = 0;  // virtio 1.2 §5.1.2: receiveq1, transmitq1
  static constexpr uint32_t kTransmit = 1;
  static constexpr uint16_t kNoNotify = 1;  // virtio 1.2 §2.7.10

  static uint64_t ReceiveOffset(uint16_t slot) {
    return FrontEnd::kBuffers + uint64_t{slot} * kBufferSize;
  }
  static uint64_t TransmitOffset(uint16_t slot) {
    return ReceiveOffset(static_cast<uint16_t>(kBuffers + slot));
  }
  // After one more element was offered.
  bool WantsKick(const Ring& ring) const {
    if (!event_index_) return (std::atomic_ref(ring.used[0]).load() & kNoNotify) == 0;
    // avail_event is the position of the element whose coming is of interest (§2.7.13.4.1).
    const uint16_t event = std::atomic_ref(ring.used[2 + 4 * ring.size]).load();
    return event == static_cast<uint16_t>(ring.available_index() - 1);
  }
  void Post(uint16_t slot) {
    constexpr uint16_t kWrite = 2;  // virtio 1.2 §2.7.5
    front_end_.ring(kReceive).descriptors[slot] = {FrontEnd::guest_address(ReceiveOffset(slot)),
                                                   kBufferSize, kWrite, 0};
    front_end_.ring(kReceive).Offer(slot);
  }

  FrontEnd front_end_;
  size_t sent_ = 0;
  bool event_index_ = false;
  uint64_t kicks_ = 0;
  uint16_t seen_ = 0;
};

}  // namespace weft::vhost::testing
