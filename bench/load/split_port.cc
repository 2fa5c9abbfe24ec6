// SPDX-License-Identifier: Apache-2.0
#include "bench/load/split_port.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace weft::load {
namespace {

constexpr size_t kLine = 64;
constexpr uint32_t kNetHeader = 12;  // virtio 1.2 §5.1.6
constexpr uint32_t kReceiveBuffer = 2048;

// An odd number of cache lines, so that buffers do not fall on the same few sets of a cache.
size_t StrideFor(uint32_t bytes) { return ((bytes + kLine - 1) / kLine | 1) * kLine; }

uint32_t BufferBytes(const Mix& mix) {
  return std::max<uint32_t>(kReceiveBuffer, kNetHeader + mix.largest());
}

uint16_t LoadIndex(const uint16_t* ring) {
  return std::atomic_ref<const uint16_t>(ring[1]).load(std::memory_order_acquire);
}
void StoreIndex(uint16_t* ring, uint16_t index) {
  std::atomic_ref<uint16_t>(ring[1]).store(index, std::memory_order_release);
}

[[noreturn]] void OutOfOrder() {
  std::fprintf(
      stderr, "load: the switch does not return buffers in order; measure it with --work=verify\n");
  std::abort();
}

uint64_t ReadAll(const uint8_t* at, uint32_t length) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < length; i += kLine) {
    uint64_t word;
    std::memcpy(&word, at + i, sizeof(word));
    sum += word;
  }
  return sum;
}

template <Work kWork>
class SplitPort final : public Port {
 public:
  SplitPort(const ContainerOptions& options, Memory memory)
      : options_(options),
        rings_(options, std::move(memory)),
        writer_(options.number, options.peer),
        checker_(options.peer, options.number, options.mix.flows),
        numbers_(options.mix.flows) {
    SplitRing& ring = rings_.transmit();
    for (uint16_t i = 0; i < ring.size; ++i) {
      Fill(i);
      free_.push_back(static_cast<uint16_t>(ring.size - 1 - i));
    }
    // Those were only to lie there; flows begin at 0.
    std::fill(numbers_.begin(), numbers_.end(), 0);
    turn_ = 0;
  }

  SplitContainer& rings() { return rings_; }
  absl::Status Attach() {
    absl::StatusOr<FrontEnd> end =
        FrontEnd::Attach(options_.socket, options_.listen, 0, rings_.memory(), rings_.places());
    if (!end.ok()) return end.status();
    front_end_ = *std::move(end);
    return absl::OkStatus();
  }

  uint32_t Send(uint32_t most) override {
    SplitRing& ring = rings_.transmit();
    most = std::min(most, options_.burst);
    const uint32_t room = Room(ring, most);
    const uint32_t count = std::min(room, most);
    if (count == 0) return 0;
    if constexpr (kWork == Work::kVerify) {
      for (uint32_t i = 0; i < count; ++i) {
        const uint16_t head = free_.back();
        free_.pop_back();
        Fill(head);
        ring.head_at(static_cast<uint16_t>(ring.next + i)) = head;
      }
    }
    Offer(ring, count, 1);
    return count;
  }

  uint32_t Receive() override {
    SplitRing& ring = rings_.receive();
    if (ring.used_seen == ring.returned) ring.used_seen = LoadIndex(ring.used);
    const uint32_t count =
        std::min<uint32_t>(options_.burst, static_cast<uint16_t>(ring.used_seen - ring.returned));
    if (count == 0) return 0;
    Look(ring, count);
    ring.returned = static_cast<uint16_t>(ring.returned + count);
    Offer(ring, count, 0);
    return count;
  }

  Tally Received() const override {
    if constexpr (kWork == Work::kVerify) return checker_.tally();
    return plain_;
  }
  const Histogram* latency() const override { return options_.stamp_time ? &latency_ : nullptr; }

 private:
  // How many frames fit; loads the used index only if what is known is not enough.
  uint32_t Room(SplitRing& ring, uint32_t wanted) {
    const auto room = [&] {
      return ring.size - uint32_t{static_cast<uint16_t>(ring.next - ring.returned)};
    };
    if (room() >= wanted) return room();
    ring.used_seen = LoadIndex(ring.used);
    if constexpr (kWork == Work::kVerify) {
      for (; ring.returned != ring.used_seen; ++ring.returned) {
        free_.push_back(static_cast<uint16_t>(ring.used_element(ring.returned).head));
      }
    } else if (ring.returned != ring.used_seen) {
      CheckOrder(ring, static_cast<uint16_t>(ring.used_seen - 1));
      ring.returned = ring.used_seen;
    }
    return room();
  }

  static void CheckOrder(const SplitRing& ring, uint16_t position) {
    if (ring.used_element(position).head != (position & (ring.size - 1u))) OutOfOrder();
  }

  // Looks at `count` frames that arrived, as much as the work asks for.
  void Look(SplitRing& ring, uint32_t count) {
    if constexpr (kWork == Work::kVerify) {
      const uint64_t now = options_.stamp_time ? Cycles() : 0;
      for (uint32_t i = 0; i < count; ++i) {
        const SplitRing::UsedElement used =
            ring.used_element(static_cast<uint16_t>(ring.returned + i));
        const uint8_t* const frame = ring.buffer(used.head) + kNetHeader;
        const Stamp stamp =
            checker_.Check(frame, used.length < kNetHeader ? 0 : used.length - kNetHeader);
        if (options_.stamp_time && stamp.sent != 0) latency_.Add(now - stamp.sent);
        ring.head_at(static_cast<uint16_t>(ring.next + i)) = static_cast<uint16_t>(used.head);
      }
    } else {
      CheckOrder(ring, static_cast<uint16_t>(ring.returned + count - 1));
      plain_.frames += count;
      if constexpr (kWork == Work::kRead) {
        for (uint32_t i = 0; i < count; ++i) {
          const auto position = static_cast<uint16_t>(ring.returned + i);
          const uint64_t sum =
              ReadAll(ring.buffer(position & (ring.size - 1u)), ring.used_element(position).length);
          asm volatile("" : : "r"(sum));  // what was read must have been read
        }
      }
    }
  }

  // Moves the available index on, and kicks a switch that asks for it.
  void Offer(SplitRing& ring, uint32_t count, uint32_t index) {
    ring.next = static_cast<uint16_t>(ring.next + count);
    StoreIndex(ring.available, ring.next);
    if (!front_end_) return;
    std::atomic_thread_fence(std::memory_order_seq_cst);  // §2.7.13.4.1
    const uint16_t flags = std::atomic_ref<const uint16_t>(ring.used[0]).load();
    if ((flags & SplitRing::kNoNotify) == 0) front_end_->Kick(index);
  }

  // Writes the next frame of the mix into the buffer of `head`.
  void Fill(uint16_t head) {
    SplitRing& ring = rings_.transmit();
    const uint32_t flow = static_cast<uint32_t>(turn_ % options_.mix.flows);
    const uint32_t size = options_.mix.SizeOf(turn_++);
    writer_.Write(
        ring.buffer(head) + kNetHeader, size,
        {.number = numbers_[flow]++, .sent = options_.stamp_time ? Cycles() : 0, .flow = flow});
    ring.descriptors[head].length = kNetHeader + size;
  }

  const ContainerOptions options_;
  SplitContainer rings_;
  std::optional<FrontEnd> front_end_;
  FrameWriter writer_;
  FrameChecker checker_;
  std::vector<uint64_t> numbers_;  // by flow
  std::vector<uint16_t> free_;     // transmit buffers, with kVerify
  uint64_t turn_ = 0;
  Tally plain_;
  Histogram latency_;
};

template <Work kWork>
absl::StatusOr<AttachedPort> Make(const ContainerOptions& options, Memory memory) {
  auto port = std::make_unique<SplitPort<kWork>>(options, std::move(memory));
  if (!options.socket.empty()) {
    if (absl::Status status = port->Attach(); !status.ok()) return status;
  }
  SplitContainer* const container = &port->rings();
  return AttachedPort{std::move(port), container};
}

}  // namespace

size_t SplitContainer::MemoryBytes(const ContainerOptions& options) {
  const size_t ring = size_t{options.ring} * 26 + 12 + 3 * 4096;
  return 2 * (ring + options.ring * StrideFor(BufferBytes(options.mix)) + 4096);
}

SplitContainer::SplitContainer(const ContainerOptions& options, Memory memory)
    : memory_(std::move(memory)) {
  const uint32_t bytes = BufferBytes(options.mix);
  receive_ = MakeRing(options, StrideFor(bytes));
  transmit_ = MakeRing(options, StrideFor(bytes));
  for (uint16_t i = 0; i < receive_.size; ++i) {
    receive_.descriptors[i].length = bytes;
    receive_.descriptors[i].flags = SplitRing::kWrite;
  }
  receive_.next = receive_.size;
  StoreIndex(receive_.available, receive_.next);
}

SplitRing SplitContainer::MakeRing(const ContainerOptions& options, size_t stride) {
  SplitRing ring;
  const size_t size = options.ring;
  ring.size = options.ring;
  ring.descriptors = reinterpret_cast<SplitRing::Descriptor*>(memory_.Take(16 * size, 4096));
  ring.available = reinterpret_cast<uint16_t*>(memory_.Take(6 + 2 * size, 4096));
  ring.used = reinterpret_cast<uint16_t*>(memory_.Take(6 + 8 * size, 4096));
  ring.available[0] = SplitRing::kNoInterrupt;  // a driver that polls, as DPDK's do
  ring.buffers = memory_.Take(size * stride, 4096);
  ring.stride = stride;
  for (uint16_t i = 0; i < ring.size; ++i) {
    ring.descriptors[i] = {reinterpret_cast<uint64_t>(ring.buffer(i)), 0, 0, 0};
    ring.head_at(i) = i;
  }
  return ring;
}

std::array<RingPlace, 2> SplitContainer::places() const {
  const auto place = [](const SplitRing& ring) {
    return RingPlace{.size = ring.size,
                     .descriptors = reinterpret_cast<uint8_t*>(ring.descriptors),
                     .available = reinterpret_cast<uint8_t*>(ring.available),
                     .used = reinterpret_cast<uint8_t*>(ring.used)};
  };
  return {place(receive_), place(transmit_)};
}

absl::StatusOr<AttachedPort> MakeSplitPort(const ContainerOptions& options) {
  absl::StatusOr<Memory> memory = Memory::Make(SplitContainer::MemoryBytes(options), options.huge);
  if (!memory.ok()) return memory.status();
  switch (options.work) {
    case Work::kNone:
      return Make<Work::kNone>(options, *std::move(memory));
    case Work::kRead:
      return Make<Work::kRead>(options, *std::move(memory));
    case Work::kVerify:
      break;
  }
  return Make<Work::kVerify>(options, *std::move(memory));
}

}  // namespace weft::load
