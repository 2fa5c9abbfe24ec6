// SPDX-License-Identifier: Apache-2.0
// The plugin: ports that are interfaces of the kernel's, a container's veth or a NIC, by AF_XDP
// sockets. docs/plugins/af-xdp.md is for who uses it.
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "core/sdk/weft.h"
#include "plugins/af_xdp/af_xdp_config.h"
#include "plugins/af_xdp/af_xdp_input.h"
#include "plugins/af_xdp/af_xdp_output.h"
#include "plugins/af_xdp/af_xdp_port.h"
#include "plugins/af_xdp/af_xdp_state.h"
#include "plugins/af_xdp/attachment.h"
#include "plugins/af_xdp/kernel_interface.h"

namespace weft::af_xdp {
namespace {

// Whether this kernel and this process can have such sockets. That there is no such interface is no
// mistake: it may come.
absl::Status Preflight() {
  const UniqueFd socket(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  return socket.valid() ? absl::OkStatus() : SystemError("make an AF_XDP socket", errno);
}

void AddNeeds(const PortConfig& port, EalNeeds& needs) {
  needs.network = true;
  needs.programs = true;
  if (port.kind_config.As<AfXdpConfig>().netns) needs.namespaces = true;
}

}  // namespace

class AfXdpModule final : public Module {
 public:
  static constexpr std::string_view kName = "af-xdp";

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    const ModuleServices services = registry.services();
    state_ = std::make_unique<AfXdpState>(services.rcu);
    AfXdpState& state = *state_;
    registry.AddNode<AfXdpInput>(
        [&state](WorkerId worker) { return std::make_unique<AfXdpInput>(state.table(), worker); });
    registry.AddNode<AfXdpOutput>(
        [&state](WorkerId worker) { return std::make_unique<AfXdpOutput>(state.table(), worker); });
    PortKind kind;
    kind.name = std::string(kName);
    kind.help = "a kernel container's veth, or a NIC, by AF_XDP sockets";
    kind.schema = &SchemaOf<AfXdpConfig>();
    kind.output = std::string(AfXdpOutput::kSpec.name);
    kind.validate = CheckPorts;
    kind.facts = AfXdpPort::FactColumns();
    kind.attachment = AttachmentColumns();
    kind.eal_needs = AddNeeds;
    kind.preflight = [](const PortConfig&, const std::string&) { return Preflight(); };
    kind.make = [&state, &loop = services.loop](
                    const PortRequest& request) -> absl::StatusOr<std::unique_ptr<PortBackend>> {
      AfXdpPort::Options options{.id = request.id,
                                 .workers = {request.worker},
                                 .name = request.config.name,
                                 .mtu = request.config.mtu,
                                 .mac = request.config.mac,
                                 .config = request.config.kind_config.As<AfXdpConfig>(),
                                 .on_up = request.on_up,
                                 .on_down = request.on_down};
      while (options.workers.size() < options.config.queues) {
        options.workers.push_back(request.place_queue());
      }
      return std::make_unique<AfXdpPort>(state, loop, std::move(options));
    };
    registry.AddPortKind(std::move(kind));
  }

 private:
  std::unique_ptr<AfXdpState> state_;
};

}  // namespace weft::af_xdp

WEFT_PLUGIN(weft::af_xdp::AfXdpModule);
