// SPDX-License-Identifier: Apache-2.0
#include "bench/load/packet_port.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "bench/load/account.h"
#include "core/base/text.h"

namespace weft::load {
namespace {

constexpr uint32_t kBurst = 64;
constexpr uint32_t kSlots = 4096;

class PacketPort final : public Port {
 public:
  explicit PacketPort(const ContainerOptions& options)
      : options_(options),
        slot_bytes_(SlotBytes(options.mix.largest())),
        account_(options),
        frames_(kBurst, std::vector<uint8_t>(options.mix.largest())),
        pieces_(kBurst),
        messages_(kBurst) {
    for (uint32_t i = 0; i < kBurst; ++i) {
      messages_[i].msg_hdr.msg_iov = &pieces_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
      Fill(i);
    }
    account_.Restart();
  }
  ~PacketPort() override {
    if (ring_ != nullptr) munmap(ring_, size_t{slot_bytes_} * kSlots);
  }

  absl::Status Open(const std::string& interface) {
    socket_ = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int version = TPACKET_V2;
    const int yes = 1;
    tpacket_req request{};
    request.tp_block_size = slot_bytes_ * 8;
    request.tp_block_nr = kSlots / 8;
    request.tp_frame_size = slot_bytes_;
    request.tp_frame_nr = kSlots;
    const auto set = [&](int option, const auto& value) {
      return setsockopt(socket_.get(), SOL_PACKET, option, &value, sizeof(value)) == 0;
    };
    if (!socket_.valid() || !set(PACKET_VERSION, version) || !set(PACKET_IGNORE_OUTGOING, yes) ||
        !set(PACKET_QDISC_BYPASS, yes) || !set(PACKET_RX_RING, request)) {
      return absl::ErrnoToStatus(errno, "cannot make a packet socket");
    }
    void* const at = mmap(nullptr, size_t{slot_bytes_} * kSlots, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_POPULATE, socket_.get(), 0);
    if (at == MAP_FAILED) return absl::ErrnoToStatus(errno, "cannot map a packet socket's ring");
    ring_ = static_cast<uint8_t*>(at);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = 0x0008;  // IPv4, in network byte order: what our frames are
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (address.sll_ifindex == 0 ||
        bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      return absl::ErrnoToStatus(errno, Cat("cannot use interface ", interface).c_str());
    }
    return absl::OkStatus();
  }

  uint32_t Send(uint32_t most) override {
    const uint32_t count = std::min(most, kBurst);
    if (options_.work == Work::kVerify) {
      for (uint32_t i = ready_; i < count; ++i) Fill(i);
      ready_ = std::max(ready_, count);
    }
    const int sent = sendmmsg(socket_.get(), messages_.data(), count, MSG_DONTWAIT);
    if (sent <= 0) return 0;
    if (options_.work == Work::kVerify) {
      // What the kernel did not take is sent first the next time.
      const auto taken = static_cast<uint32_t>(sent);
      for (uint32_t i = taken; i < ready_; ++i) {
        std::swap(frames_[i - taken], frames_[i]);
        std::swap(pieces_[i - taken], pieces_[i]);
        Point(i - taken);
      }
      ready_ -= taken;
    }
    return static_cast<uint32_t>(sent);
  }

  uint32_t Receive() override {
    uint32_t count = 0;
    const uint64_t now = account_.Now();
    for (; count < kBurst; ++count) {
      auto* const slot = reinterpret_cast<tpacket2_hdr*>(ring_ + size_t{next_} * slot_bytes_);
      std::atomic_ref<uint32_t> status(slot->tp_status);
      if ((status.load(std::memory_order_acquire) & TP_STATUS_USER) == 0) break;
      const uint8_t* const frame = reinterpret_cast<const uint8_t*>(slot) + slot->tp_mac;
      if (options_.work == Work::kVerify) {
        account_.Check(frame, slot->tp_snaplen, now);
      } else {
        account_.Count(1);
      }
      status.store(TP_STATUS_KERNEL, std::memory_order_release);
      next_ = (next_ + 1) % kSlots;
    }
    return count;
  }

  Tally Received() const override { return account_.tally(); }
  const Histogram* latency() const override { return account_.latency(); }

 private:
  // A slot holds its header and the frame; a block of eight slots is whole pages.
  static uint32_t SlotBytes(uint32_t frame) {
    uint32_t bytes = 2048;
    while (bytes < frame + 256) bytes *= 2;
    return bytes;
  }
  void Point(uint32_t i) { pieces_[i].iov_base = frames_[i].data(); }
  void Fill(uint32_t i) {
    pieces_[i].iov_len = account_.Write(frames_[i].data());
    Point(i);
  }

  const ContainerOptions options_;
  const uint32_t slot_bytes_;
  Account account_;
  std::vector<std::vector<uint8_t>> frames_;
  std::vector<iovec> pieces_;
  std::vector<mmsghdr> messages_;
  UniqueFd socket_;
  uint8_t* ring_ = nullptr;
  uint32_t next_ = 0;   // slot of the receive ring
  uint32_t ready_ = 0;  // frames that are written and not sent, with kVerify
};

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> MakePacketPort(const std::string& interface,
                                                     const ContainerOptions& options) {
  auto port = std::make_unique<PacketPort>(options);
  if (absl::Status status = port->Open(interface); !status.ok()) return status;
  return std::unique_ptr<Port>(std::move(port));
}

}  // namespace weft::load
