// SPDX-License-Identifier: Apache-2.0
// An interface that weft has: a socket for each of its queues, and the program that leads frames to
// them. Control makes it; the snapshots of PortsTable share it, so that the last one to go, when no
// worker uses it any more, gives the interface back. Control thread, but for queue().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"
#include "plugins/af_xdp/kernel_interface.h"
#include "plugins/af_xdp/xdp_program.h"
#include "plugins/af_xdp/xdp_socket.h"

namespace weft::af_xdp {

class XdpInterface {
 public:
  // Unavailable, as a phrase, if it may come right by itself: the interface is not there, or is
  // taken.
  static absl::StatusOr<std::shared_ptr<XdpInterface>> Open(const AfXdpConfig& config,
                                                            uint32_t mtu);
  XdpInterface(const XdpInterface&) = delete;
  XdpInterface& operator=(const XdpInterface&) = delete;

  XdpQueue& queue(size_t number) { return sockets_[number]->queue(); }  // for workers

  // Why no frames flow, as a phrase; OK if they do. NotFound: it is another interface by now, or
  // none.
  absl::Status Link() const;
  std::vector<PortFact> Facts() const;
  std::vector<Finding> Findings() const;
  bool is_veth() const { return veth_; }

 private:
  explicit XdpInterface(KernelInterface interface) : interface_(std::move(interface)) {}
  absl::Status Attach(const AfXdpConfig& config, uint32_t mtu);
  uint64_t Statistic(std::string_view name) const;  // of all sockets

  KernelInterface interface_;
  KernelInterface::State opened_;
  bool veth_ = false;
  uint32_t mtu_ = 0;  // of the port
  // The program goes first: it leads frames to the sockets.
  std::vector<std::unique_ptr<XdpSocket>> sockets_;
  std::unique_ptr<XdpProgram> program_;
};

}  // namespace weft::af_xdp
