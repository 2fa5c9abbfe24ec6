// SPDX-License-Identifier: Apache-2.0
// A TAP (Documentation/networking/tuntap.rst): an interface of the kernel's whose other end is
// descriptors of ours, one a queue. What is read from one is a virtio-net header of 12 bytes and a
// frame that the container has sent; what is written the same the other way. The interface is gone
// when the descriptors are, and so it is when its namespace ends or somebody deletes it.
//
// Control opens it and closes it; workers read, write, and set the flags.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"

namespace weft::tap {

struct TapSettings {
  std::string name;
  std::string netns{};  // the path of its namespace; empty: ours
  uint16_t queues = 1;
  uint32_t mtu = 1500;
  std::optional<MacAddress> mac{};
};

class TapDevice {
 public:
  // The interface in its namespace, up. The errors, each a sentence:
  //   kUnavailable: the namespace is not there (yet)
  //   kAlreadyExists: it has an interface of that name
  //   kFailedPrecondition: the path leads to something else
  //   kPermissionDenied: weftd may not, and the sentence says what would help
  static absl::StatusOr<std::shared_ptr<TapDevice>> Open(const TapSettings& settings);
  // With queues that are there, of which it is a test's business what they lead to.
  explicit TapDevice(std::vector<UniqueFd> queues) : queues_(std::move(queues)) {}

  // Non-blocking, and ours alone. Any worker may write to any queue.
  int fd(size_t queue) const { return queues_[queue].get(); }
  size_t queues() const { return queues_.size(); }

  // Control: the address that the interface has now; nothing if it has gone.
  std::optional<MacAddress> Mac() const;
  // Control: whether the interface is not there any more.
  bool IsGone() const;
  // Control: whether the path leads to another namespace now than the one that it was moved into. A
  // path that leads nowhere says nothing: a namespace outlives its name.
  bool IsElsewhere(const std::string& path) const;

  // Workers have seen the kernel say so. Nothing is read or written then.
  void SetGone() { gone_.store(true, std::memory_order_relaxed); }
  bool seen_gone() const { return gone_.load(std::memory_order_relaxed); }
  // Whether the last frame was refused because the interface is set down in its namespace.
  void SetDown(bool down) {
    if (down_.load(std::memory_order_relaxed) != down) down_.store(down, std::memory_order_relaxed);
  }
  bool seen_down() const { return down_.load(std::memory_order_relaxed); }

 private:
  const std::vector<UniqueFd> queues_;
  uint64_t netns_inode_ = 0;  // 0: it is in ours
  std::atomic<bool> gone_{false};
  std::atomic<bool> down_{false};
};

// For `weftd --check`: whether this machine has TAPs at all, and weftd may open them.
absl::Status CheckTunDevice();

}  // namespace weft::tap
