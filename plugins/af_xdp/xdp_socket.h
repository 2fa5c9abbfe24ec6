// SPDX-License-Identifier: Apache-2.0
// An AF_XDP socket (kernel's Documentation/networking/af_xdp.rst), bound to one queue of an
// interface: memory for frames, the four rings, and what workers use of them. Its memory is weft's
// own: no tenant has it, and no core dump does. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"
#include "plugins/af_xdp/xdp_queue.h"

namespace weft::af_xdp {

class XdpSocket {
 public:
  struct Options {
    unsigned interface = 0;  // the kernel's number of it
    uint32_t queue = 0;
    uint32_t mtu = 1500;
    Mode mode = Mode::kAuto;
    bool busy_poll = false;
  };

  // In the calling thread's network namespace. Unavailable if another socket has the queue.
  static absl::StatusOr<std::unique_ptr<XdpSocket>> Open(const Options& options);
  XdpSocket(const XdpSocket&) = delete;
  XdpSocket& operator=(const XdpSocket&) = delete;

  int descriptor() const { return socket_.get(); }
  // Until the socket goes.
  XdpQueue& queue() { return *queue_; }
  // Whether the driver writes frames where we read them.
  bool zero_copy() const { return zero_copy_; }
  bool huge_pages() const { return huge_pages_; }
  // What the kernel has lost, or could not use, since the socket was bound; by name.
  std::vector<std::pair<std::string, uint64_t>> Statistics() const;

 private:
  // Memory that is unmapped with it.
  class Mapping {
   public:
    Mapping() = default;
    Mapping(void* begin, size_t size) : begin_(begin), size_(size) {}
    Mapping(Mapping&& other) noexcept { *this = std::move(other); }
    Mapping& operator=(Mapping&& other) noexcept {
      std::swap(begin_, other.begin_);
      std::swap(size_, other.size_);
      return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();
    uint8_t* begin() const { return static_cast<uint8_t*>(begin_); }

   private:
    void* begin_ = nullptr;
    size_t size_ = 0;
  };

  XdpSocket() = default;
  absl::Status MapUmem(uint32_t chunk);
  absl::Status SetUp(const Options& options);
  absl::Status MapRings(XdpQueue::Parts& parts);
  absl::Status Bind(const Options& options);
  absl::Status SetBusyPoll();

  // The socket closes first: the kernel uses the memory until then.
  Mapping umem_;
  UniqueFd socket_;
  Mapping fill_, completion_, receive_, transmit_;
  std::unique_ptr<XdpQueue> queue_;
  bool zero_copy_ = false;
  bool huge_pages_ = false;
};

}  // namespace weft::af_xdp
