// SPDX-License-Identifier: Apache-2.0
// A plugin as it should be: a module with one node. Its static constructor leaves a mark, so that
// a test sees whether code of it has run.
#include <cstdlib>

#include "core/sdk/weft.h"

namespace weft {
namespace {

struct Mark {
  Mark() { setenv("WEFT_SAMPLE_GOOD", "constructed", 1); }
} mark;

class Pass final : public Feature<Pass> {
 public:
  static constexpr NodeSpec kSpec{.name = "pass", .arc = "port-input", .help = "Passes all."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

class Good final : public Module {
 public:
  static constexpr std::string_view kName = "good";
  ~Good() override { setenv("WEFT_SAMPLE_GOOD", "destroyed", 1); }
  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    registry.AddNode<Pass>([](WorkerId) { return std::make_unique<Pass>(); });
  }
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::Good);
