// SPDX-License-Identifier: Apache-2.0
// tap: kernel containers. The nodes tap-input and tap-output and the kind of port "tap". Control
// thread.
#include <memory>
#include <string>
#include <utility>

#include "core/sdk/weft.h"
#include "plugins/tap/tap_config.h"
#include "plugins/tap/tap_input.h"
#include "plugins/tap/tap_output.h"
#include "plugins/tap/tap_port.h"
#include "plugins/tap/tap_table.h"

namespace weft::tap {

class TapModule final : public Module {
 public:
  static constexpr std::string_view kName = "tap";

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    const ModuleServices services = registry.services();
    state_ = std::make_unique<TapState>(services.rcu);
    TapState& state = *state_;
    registry.AddNode<TapInput>(
        [&state](WorkerId worker) { return std::make_unique<TapInput>(state.table(), worker); });
    registry.AddNode<TapOutput>(
        [&state](WorkerId worker) { return std::make_unique<TapOutput>(state.table(), worker); });

    PortKind kind;
    kind.name = "tap";
    kind.help = "an interface of the kernel's, in a container's network namespace";
    kind.schema = &SchemaOf<TapConfig>();
    kind.output = std::string(TapOutput::kSpec.name);
    kind.validate = CheckTaps;
    kind.facts = TapPort::FactColumns();
    kind.attachment = TapPort::AttachmentColumns();
    kind.eal_needs = [](const PortConfig&, EalNeeds& needs) { needs.network = true; };
    kind.preflight = [](const PortConfig&, const std::string&) { return CheckTunDevice(); };
    kind.make = [&state, &loop = services.loop](
                    const PortRequest& request) -> absl::StatusOr<std::unique_ptr<PortBackend>> {
      const TapConfig& config = request.config.kind_config.As<TapConfig>();
      TapPort::Options options{.id = request.id,
                               .workers = {request.worker},
                               .port = request.config.name,
                               .tap = {.name = config.interface,
                                       .netns = config.NetnsPath(),
                                       .queues = config.queues,
                                       .mtu = request.config.mtu,
                                       .mac = request.config.mac},
                               .on_up = request.on_up,
                               .on_down = request.on_down};
      while (options.workers.size() < config.queues)
        options.workers.push_back(request.place_queue());
      return std::make_unique<TapPort>(state, loop, std::move(options));
    };
    registry.AddPortKind(std::move(kind));
  }

 private:
  std::unique_ptr<TapState> state_;  // from Register on
};

}  // namespace weft::tap

WEFT_PLUGIN(weft::tap::TapModule);
