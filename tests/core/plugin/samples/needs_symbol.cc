// SPDX-License-Identifier: Apache-2.0
// A plugin that calls what no weft has.
#include "core/sdk/weft.h"

namespace weft {

void NoSuchFunction(int number);

namespace {

class NeedsSymbol final : public Module {
 public:
  static constexpr std::string_view kName = "needs-symbol";
  std::string_view name() const override { return kName; }
  void Register(Registry&) override { NoSuchFunction(1); }
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::NeedsSymbol);
