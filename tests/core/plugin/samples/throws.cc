// SPDX-License-Identifier: Apache-2.0
// A plugin that cannot start; which way, the test says by WEFT_SAMPLE_THROWS.
#include <cstdlib>
#include <stdexcept>

#include "core/sdk/weft.h"

namespace weft {
namespace {

class Throws final : public Module {
 public:
  static constexpr std::string_view kName = "throws";
  Throws() {
    const char* what = std::getenv("WEFT_SAMPLE_THROWS");
    if (what == nullptr) throw 7;
    if (std::string_view(what) != "later") throw std::runtime_error(what);
  }
  std::string_view name() const override { return kName; }
  void Register(Registry&) override { throw std::runtime_error("no table"); }
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::Throws);
