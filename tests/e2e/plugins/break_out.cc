// SPDX-License-Identifier: Apache-2.0
// break-out: what somebody does who has taken over a worker. At each packet it tries to become
// another program.
#include <unistd.h>

#include "core/sdk/weft.h"

namespace weft {
namespace {

class BreakOut final : public Feature<BreakOut> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "break-out", .arc = "port-input", .help = "Executes /bin/true."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict {
      char program[] = "/bin/true";
      char* arguments[] = {program, nullptr};
      char* environment[] = {nullptr};
      execve(program, arguments, environment);  // returns only if it failed
      return Continue();
    });
  }
};

class BreakOutModule final : public Module {
 public:
  static constexpr std::string_view kName = "break-out";
  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    registry.AddNode<BreakOut>([](WorkerId) { return std::make_unique<BreakOut>(); });
  }
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::BreakOutModule);
