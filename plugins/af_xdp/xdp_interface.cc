// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/xdp_interface.h"

#include <optional>
#include <utility>

namespace weft::af_xdp {

absl::StatusOr<std::shared_ptr<XdpInterface>> XdpInterface::Open(const AfXdpConfig& config,
                                                                 uint32_t mtu) {
  const std::string path = config.NetnsPath();
  absl::StatusOr<KernelInterface> interface = KernelInterface::In(path, config.interface);
  if (!interface.ok()) return interface.status();
  const absl::StatusOr<KernelInterface::State> state = interface->Look();
  if (!state.ok()) return state.status();
  const std::optional<uint32_t> queues = interface->ReceiveQueues();
  const bool veth = interface->IsVeth();
  if (queues && *queues > config.queues) {
    return absl::FailedPreconditionError(
        Cat(config.interface, " has ", *queues, " receive queues, and frames of those without a ",
            "socket would be lost; say queues = ", *queues, ", or `ethtool -L ", config.interface,
            " combined ", config.queues, "` (a veth: rx)"));
  }
  std::shared_ptr<XdpInterface> made(new XdpInterface(*std::move(interface)));
  made->opened_ = *state;
  made->veth_ = veth;
  made->mtu_ = mtu;
  const absl::Status status = InNamespace(path, [&] { return made->Attach(config, mtu); });
  if (!status.ok())
    return absl::Status(status.code(), Cat(config.interface, ": ", MessageOf(status)));
  return made;
}

absl::Status XdpInterface::Attach(const AfXdpConfig& config, uint32_t mtu) {
  absl::StatusOr<std::unique_ptr<XdpProgram>> program = XdpProgram::Make(config.queues);
  if (!program.ok()) return program.status();
  program_ = *std::move(program);
  for (uint32_t number = 0; number < config.queues; ++number) {
    absl::StatusOr<std::unique_ptr<XdpSocket>> socket = XdpSocket::Open({
        .interface = opened_.index,
        .queue = number,
        .mtu = mtu,
        .mode = config.mode,
        .busy_poll = config.busy_poll,
    });
    if (!socket.ok()) return socket.status();
    sockets_.push_back(*std::move(socket));
    const int descriptor = sockets_.back()->descriptor();
    if (absl::Status status = program_->Lead(number, descriptor); !status.ok()) return status;
  }
  return program_->Attach(opened_.index, config.mode);
}

absl::Status XdpInterface::Link() const {
  const absl::StatusOr<KernelInterface::State> state = interface_.Look();
  if (!state.ok()) return absl::NotFoundError(MessageOf(state.status()));
  const std::string& name = interface_.name();
  if (state->index != opened_.index) {
    return absl::NotFoundError(Cat("the interface ", name, " has been made anew"));
  }
  if (!state->enabled) {
    return absl::UnavailableError(
        Cat(name, " is switched off; `ip link set ", name, " up` switches it on"));
  }
  if (!state->carrier) return absl::UnavailableError(Cat(name, " has no carrier"));
  return absl::OkStatus();
}

uint64_t XdpInterface::Statistic(std::string_view name) const {
  uint64_t sum = 0;
  for (const std::unique_ptr<XdpSocket>& socket : sockets_) {
    for (const auto& [counter, value] : socket->Statistics()) {
      if (counter == name) sum += value;
    }
  }
  return sum;
}

std::vector<PortFact> XdpInterface::Facts() const {
  std::vector<PortFact> facts = {
      {"program",
       std::string(program_->in_driver() ? "in the driver" : "before the kernel's stack")},
      {"zero-copy", sockets_.front()->zero_copy()},
      {"huge-pages", sockets_.front()->huge_pages()}};
  for (const auto& [name, value] : sockets_.front()->Statistics()) {
    if (const uint64_t sum = Statistic(name); sum != 0)
      facts.push_back({Cat("kernel-", name), sum});
  }
  return facts;
}

std::vector<Finding> XdpInterface::Findings() const {
  std::vector<Finding> findings;
  if (const absl::StatusOr<KernelInterface::State> state = interface_.Look();
      state.ok() && state->mtu < mtu_) {
    findings.push_back({Cat("the mtu of ", interface_.name(), " is ", state->mtu,
                            ", and the port's is ", mtu_, ": the kernel loses longer frames"),
                        Cat("ip link set ", interface_.name(), " mtu ", mtu_)});
  }
  if (const uint64_t lost = Statistic("rx-dropped"); lost != 0) {
    findings.push_back(
        {Cat("the kernel has dropped ", lost,
             " frames that were longer than the port's mtu allows, or came while it was down"),
         "give the port the mtu that the other end of the interface has"});
  }
  if (const uint64_t lost = Statistic("rx-ring-full"); lost != 0) {
    findings.push_back(
        {Cat("the kernel has dropped ", lost, " frames because the worker came round too late"),
         "give it fewer ports, or the interface more queues and weft more workers"});
  }
  return findings;
}

}  // namespace weft::af_xdp
